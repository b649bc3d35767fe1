// SPDX-License-Identifier: Apache-2.0

/// The proposing and voting half of `Membership`: how a view's successor is chosen.
extension Membership {
  struct Candidacy: Sendable {
    struct Promise: Sendable {
      var standing: Standing
      var accepted: AcceptedChange?
      var hears: Set<Member>
    }

    var ballot: Ballot
    var promises: [Member: Promise] = [:]
    /// Set once the promises were enough to choose.
    var proposal: ViewChange?
    var accepts: Set<Member> = []
    /// When to make do with the answers that are there, or to give up.
    var until: Duration
  }

  /// Why the view should change now; nil when it should not.
  var trouble: String? {
    guard let view else { return nil }
    let missing = view.members.filter { $0 != me && !isLinked($0) }
    if !missing.isEmpty { return "\(describe(missing)) cannot be reached" }
    if let broken { return broken }
    let departing = view.members.filter { leaving.contains($0) }
    if !departing.isEmpty, departing.count < view.members.count {
      return "\(describe(departing)) asked to leave"
    }
    if mayAdmit, view.coordinator == me, !admissible(to: view.members).isEmpty {
      return "newcomers knock"
    }
    return nil
  }

  /// Those who knock and have links to all of `members` and to each other, by key, as many as there
  /// is room for.
  func admissible(to members: [Member]) -> [Member] {
    var admitted: [Member] = []
    for applicant in applicants.keys.sorted() where isLinked(applicant) {
      guard members.count + admitted.count < View.membersMax,
        let hears = applicants[applicant], hears.isSuperset(of: members),
        admitted.allSatisfy({ hears.contains($0) && applicants[$0]!.contains(applicant) })
      else { continue }
      admitted.append(applicant)
    }
    return admitted
  }

  var frozenMax: Duration { timing.frozenMax + pace * 4 }

  /// How long to leave the matter to those more senior, and to a link that may come back.
  func patience(at now: Duration) -> Duration {
    guard let view else { return .zero }
    let senior = view.members.prefix { $0 != me }.filter { isLinked($0) && !leaving.contains($0) }
    var wait = (timing.stagger + pace * 2) * senior.count
    let mayReturn = view.members.contains { member in
      guard member != me, !isLinked(member), let loss = lost[member] else { return false }
      if case .closed = loss.cause { return true }
      return false
    }
    if mayReturn { wait += timing.relinkGrace + pace * 4 }
    return wait
  }

  /// Starts, finishes or gives up a candidacy, as the time and the answers say.
  mutating func pursue(at now: Duration) -> [Action] {
    if candidacy != nil { return advance(at: now) }
    if promised != nil {
      return now >= promisedAt + frozenMax && now >= nextAttempt ? stand(at: now) : []
    }
    guard trouble != nil else {
      troubledSince = nil
      return []
    }
    let since = troubledSince ?? now
    troubledSince = since
    return now >= since + patience(at: now) && now >= nextAttempt ? stand(at: now) : []
  }

  private mutating func stand(at now: Duration) -> [Action] {
    guard let view else { return [] }
    attemptMax = max(attemptMax, promised?.attempt ?? 0) + 1
    let ballot = Ballot(attempt: attemptMax, proposer: me)
    promised = ballot
    promisedAt = now
    var own = Candidacy(ballot: ballot, until: now + timing.gatherMax + pace * 4)
    own.promises[me] = Candidacy.Promise(
      standing: answer(in: view), accepted: accepted, hears: Set(linkedMembers))
    candidacy = own
    let others = view.members.filter { $0 != me && isLinked($0) }
    return others.map { .send($0.id, .prepare(ballot, succeeding: view.number)) } + advance(at: now)
  }

  private mutating func advance(at now: Duration) -> [Action] {
    guard let view, var candidacy else { return [] }
    if let proposal = candidacy.proposal {
      if isQuorum(candidacy.accepts, of: view) { return decide(proposal, at: now) }
      return now >= candidacy.until ? giveUp(at: now) : []
    }
    let expected = view.members.filter { $0 == me || (isLinked($0) && applicants[$0] == nil) }
    let complete = expected.allSatisfy { candidacy.promises[$0] != nil }
    guard complete || now >= candidacy.until else { return [] }
    // What this member learnt since it stood counts, too: it decides now.
    candidacy.promises[me]?.standing = answer(in: view)
    guard isQuorum(Set(candidacy.promises.keys), of: view), let proposal = choose(candidacy, view)
    else { return now >= candidacy.until ? giveUp(at: now) : [] }
    candidacy.proposal = proposal
    candidacy.accepts = [me]
    candidacy.until = now + timing.gatherMax + pace * 4
    accepted = AcceptedChange(ballot: candidacy.ballot, change: proposal)
    self.candidacy = candidacy
    let voters = view.members.filter { $0 != me && isLinked($0) }
    return voters.map { .send($0.id, .accept(candidacy.ballot, succeeding: view.number, proposal)) }
      + (isQuorum([me], of: view) ? decide(proposal, at: now) : [])
  }

  private mutating func giveUp(at now: Duration) -> [Action] {
    candidacy = nil
    // Seniority spreads the next attempts, so that two candidates do not outbid each other for ever.
    let rank = view?.rank(of: me) ?? 0
    nextAttempt = now + (timing.stagger + pace * 2) * (rank + 1)
    promisedAt = now
    return []
  }

  private mutating func decide(_ change: ViewChange, at now: Duration) -> [Action] {
    let told = Set(view?.members ?? []).union(change.view.members)
    let news = told.sorted().filter { $0 != me && isLinked($0) }
      .map { Action.send($0.id, .installed(change)) }
    let mine =
      change.view.rank(of: me) == nil
      ? evict(by: change, "the group agreed to go on without this peer: ", at: now)
      : install(change, at: now)
    return news + mine
  }

  func isQuorum(_ votes: Set<Member>, of view: View) -> Bool {
    let counted =
      switch quorum {
      case .strict: view.members
      case .living:
        // Who knocks has given up its place for good, as the dead have.
        view.members.filter { lost[$0]?.cause != .processGone && applicants[$0] == nil }
      }
    let agreeing = counted.filter(votes.contains).count
    if 2 * agreeing > counted.count { return true }
    guard quorum == .living, let senior = counted.first else { return false }
    return 2 * agreeing == counted.count && votes.contains(senior)
  }

  private func choose(_ candidacy: Candidacy, _ view: View) -> ViewChange? {
    let bound = candidacy.promises.values.compactMap(\.accepted).max { $0.ballot < $1.ballot }
    if let bound { return bound.change }
    let resolution = Resolution(of: candidacy.promises.mapValues(\.standing), in: view)
    let able = view.members.filter {
      resolution.able.contains($0) && !expelled.contains($0) && !leaving.contains($0)
    }
    let staying = clique(of: able, candidacy.promises.mapValues(\.hears))
    let voters = Set(staying).union(leaving).union(expelled)
    // Newcomers without the state may be many; a view of them alone would have lost it.
    let isKept = staying.contains { candidacy.promises[$0]?.standing.holdsState == true }
    guard isKept, isQuorum(voters, of: view) else { return nil }
    let newcomers = admissible(to: staying).filter { !staying.contains($0) }
    var change = ViewChange(
      view: View(number: view.number + 1, members: staying + newcomers),
      committed: resolution.committed, resultDigest: resolution.resultDigest,
      reason: reason(staying: staying, newcomers: newcomers, from: view),
      blamed: view.members.filter {
        expelled.contains($0) && !leaving.contains($0) && !staying.contains($0)
      })
    change.exchanges = resolution.exchanges
    change.isSeamless =
      staying == view.members && candidacy.promises.values.allSatisfy(\.standing.isWhole)
    return change
  }

  /// This member's standing, for whoever resolves what is under way.
  private func answer(in view: View) -> Standing {
    var answer = standing
    answer.isWhole = broken == nil && view.members.allSatisfy { $0 == me || isLinked($0) }
    return answer
  }

  /// The most senior members who all hear each other, this peer among them if it is able.
  private func clique(of members: [Member], _ hears: [Member: Set<Member>]) -> [Member] {
    var chosen = members.contains(me) ? [me] : []
    for member in members where member != me {
      let mutual = chosen.allSatisfy {
        hears[$0]?.contains(member) == true && hears[member]?.contains($0) == true
      }
      if mutual { chosen.append(member) }
    }
    return members.filter(chosen.contains)
  }

  private func reason(staying: [Member], newcomers: [Member], from view: View) -> String {
    var parts: [String] = []
    for member in view.members where !staying.contains(member) {
      let name = member.id.short
      if leaving.contains(member) {
        parts.append("\(name) left")
      } else if expelled.contains(member) {
        parts.append("\(name) is left out: \(broken ?? "it did not keep up")")
      } else {
        parts.append("\(name) \(lost[member]?.cause.sentence ?? "cannot be heard by all")")
      }
    }
    if !newcomers.isEmpty { parts.append("\(describe(newcomers)) joined") }
    return parts.isEmpty ? broken ?? "the round is tried again" : parts.joined(separator: "; ")
  }

  /// The voting half.
  mutating func vote(_ message: MembershipMessage, from member: Member, at now: Duration)
    -> [Action]
  {
    guard let current else { return [] }
    let number = current.view.number
    switch message {
    case .prepare(_, let succeeding), .accept(_, let succeeding, _):
      if succeeding < number { return [.send(member.id, .installed(current))] }
      if succeeding > number { return [.send(member.id, .greeting(current, addresses: []))] }
      guard current.view.rank(of: member) != nil else { return [] }
    case .promise(_, let succeeding, _, _, _), .refuse(_, let succeeding, _),
      .accepted(_, let succeeding):
      guard succeeding == number, current.view.rank(of: member) != nil else { return [] }
    default: return []
    }
    switch message {
    case .prepare(let ballot, _):
      if let promised, promised > ballot {
        return [.send(member.id, .refuse(ballot, succeeding: number, promised: promised))]
      }
      yield(to: ballot, at: now)
      return [
        .send(
          member.id,
          .promise(
            ballot, succeeding: number, answer(in: current.view), accepted: accepted,
            hears: linkedMembers))
      ]
    case .accept(let ballot, _, let change):
      if let promised, promised > ballot {
        return [.send(member.id, .refuse(ballot, succeeding: number, promised: promised))]
      }
      yield(to: ballot, at: now)
      accepted = AcceptedChange(ballot: ballot, change: change)
      return [.send(member.id, .accepted(ballot, succeeding: number))]
    case .promise(let ballot, _, let standing, let accepted, let hears):
      guard candidacy?.ballot == ballot, candidacy?.proposal == nil else { return [] }
      candidacy?.promises[member] = Candidacy.Promise(
        standing: standing, accepted: accepted, hears: Set(hears))
    case .refuse(let ballot, _, let other):
      attemptMax = max(attemptMax, other.attempt)
      if candidacy?.ballot == ballot { return giveUp(at: now) }
    case .accepted(let ballot, _):
      if candidacy?.ballot == ballot { candidacy?.accepts.insert(member) }
    default: break
    }
    return []
  }

  private mutating func yield(to ballot: Ballot, at now: Duration) {
    if candidacy?.ballot != ballot { candidacy = nil }
    promised = ballot
    promisedAt = now
    attemptMax = max(attemptMax, ballot.attempt)
  }
}

extension LossCause {
  /// Continues a sentence that begins with a peer's name.
  public var sentence: String {
    switch self {
    case .processGone: "is gone: its process ended"
    case .closed(let detail): "lost its link: \(detail)"
    case .silent(let duration): "was silent for \(duration.tenths) s"
    case .hungUp(let reason): "was cut off: \(reason)"
    }
  }
}

extension Duration {
  /// Seconds with one decimal.
  var tenths: String {
    let parts = components
    let tenths = parts.seconds * 10 + parts.attoseconds / 100_000_000_000_000_000
    return "\(tenths / 10).\(tenths % 10)"
  }
}
