// SPDX-License-Identifier: Apache-2.0

/// Agrees with the other peers on who is in the group. Does no I/O and reads no clock.
///
/// Every view has exactly one successor, chosen by single-decree Paxos (Lamport 1998) among the
/// view's members; any of them may propose, so no peer is needed by the others. A peer that has
/// promised takes no further part in its view's rounds until the successor is installed: that is
/// what makes `Standing.held` a safe basis for deciding whether an interrupted round stands.
public struct Membership: Sendable {
  /// Whose votes a successor needs.
  public enum Quorum: Sendable {
    /// A majority of the view, whatever happened to its members. Never forks.
    case strict
    /// A majority of those whose process is not known to be gone; half suffices when it includes
    /// the most senior of them. Lets two peers become one. A partition together with deaths on
    /// its far side can fork the group; the forks notice on contact and the lesser one rejoins.
    case living
  }

  /// What membership is told.
  public enum Event: Sendable {
    case linked(Member, address: PeerAddress?)
    case unlinked(Member, LossCause)
    case received(Member, MembershipMessage)
    /// The round cannot go on in this view; those named are to be left out of the next one.
    case trouble(reason: String, without: [Member])
    case tick
  }

  /// What membership wants done.
  public enum Action: Sendable, Hashable {
    case send(PeerID, MembershipMessage)
    case dial(PeerAddress)
    case install(ViewChange)
    /// This peer is not in the group any more, and why; it will ask to be let in again.
    case evicted(reason: String)
  }

  public let me: Member
  let quorum: Quorum
  let timing: Timing

  /// What this peer knows about rounds; its owner keeps it up to date.
  public var standing = Standing(committed: 0)
  /// False while an exchange is running, which an admission would interrupt.
  public var mayAdmit = true

  public internal(set) var current: ViewChange?
  /// Views this life of the peer has been in: having forgotten its promises, it may not re-enter one.
  private var past: [ViewChange] = []
  private static let pastMax = 64
  public internal(set) var isLeaving = false
  private var leaveBy: Duration = .zero
  /// Wants to be in a group; a peer that only asks questions does not knock.
  private var isSeeking = false
  var links: [PeerID: Link] = [:]
  var lost: [Member: Loss] = [:]
  var book = AddressBook()
  var applicants: [Member: Set<Member>] = [:]
  var leaving: Set<Member> = []
  var expelled: Set<Member> = []
  private var probation = Probation()
  /// Why the view has to change although all its members are linked.
  var broken: String?
  var troubledSince: Duration?

  var promised: Ballot?
  var promisedAt: Duration = .zero
  var accepted: AcceptedChange?
  var candidacy: Candidacy?
  /// After a failed attempt: not before this time.
  var nextAttempt: Duration = .zero
  var attemptMax: UInt32 = 0

  var roundTrips = RoundTrips()
  private var nextKnock: Duration = .zero
  private var nextPing: Duration = .zero

  struct Link: Sendable {
    var member: Member
    var address: PeerAddress?
    var since: Duration
  }

  struct Loss: Sendable {
    var cause: LossCause
    var at: Duration
  }

  public init(me: Member, quorum: Quorum = .living, timing: Timing = Timing()) {
    self.me = me
    self.quorum = quorum
    self.timing = timing
  }

  /// Makes this peer a group of one, which others can join; `committed` is where it resumes.
  public mutating func found(committed: UInt64) -> [Action] {
    standing = Standing(committed: committed)
    isSeeking = true
    let view = View(number: 1, members: [me])
    return install(
      ViewChange(
        view: view, committed: committed, resultDigest: [],
        reason: "\(me.id.short) founded the group"), at: .zero)
  }

  /// Where the group may be found; from now on this peer asks to be let in.
  public mutating func seek(_ address: PeerAddress) {
    isSeeking = true
    book.learn(address, of: nil)
  }

  /// Asks the others to go on without this peer, which stays until they have agreed.
  public mutating func leave(at now: Duration) -> [Action] {
    isLeaving = true
    leaveBy = now + timing.leaveMax
    guard view != nil else { return evict("left") }
    leaving.insert(me)
    return linkedMembers.map { .send($0.id, .farewell) } + proceed(at: now)
  }

  public var view: View? { current?.view }
  /// True from a promise until the next view is installed: the view's rounds must rest.
  public var isFrozen: Bool { promised != nil }
  /// What slow links here add to a deadline: the worst round trip with its spread.
  public var pace: Duration { roundTrips.worst }

  /// One sentence on what the group is waiting for; nil when all is well.
  public var waitingFor: String? {
    guard let view else {
      return links.isEmpty
        ? "looking for the group: no link yet" : "asking \(links.count) linked peers to be let in"
    }
    let missing = view.members.filter { $0 != me && !isLinked($0) }
    guard !missing.isEmpty else { return broken }
    let votes = view.members.count - missing.count
    return
      "\(describe(missing)) cannot be reached; \(votes) of \(view.members.count) members hear each other"
  }

  public mutating func handle(_ event: Event, at now: Duration) -> [Action] {
    var actions: [Action] = []
    switch event {
    case .linked(let member, let address):
      // Two lives of one peer do not overlap: this one proves that the other is over.
      for other in view?.members ?? [] where other.id == member.id && other != member {
        noteLoss(of: other, .processGone, now)
      }
      links[member.id] = Link(member: member, address: address, since: now)
      if let address { book.learn(address, of: member) }
      if lost[member] != nil, view?.rank(of: member) != nil {
        // Frames were lost with the old link, so that the round cannot be completed as it is.
        broken = broken ?? "the link to \(member.id.short) was interrupted"
      }
      lost[member] = nil
      actions.append(.send(member.id, .greeting(current, addresses: addresses)))
    case .unlinked(let member, let cause):
      if links[member.id]?.member == member { links[member.id] = nil }
      applicants[member] = nil
      noteLoss(of: member, cause, now)
    case .received(let member, let message):
      actions += receive(message, from: member, at: now)
    case .trouble(let reason, let without):
      broken = broken ?? reason
      expelled.formUnion(without)
    case .tick:
      break
    }
    return actions + proceed(at: now)
  }

  /// When to call with `.tick` if nothing else happens before.
  public func nextWake(at now: Duration) -> Duration {
    var wake = min(nextPing, now + timing.tickMax)
    if view == nil { wake = min(wake, nextKnock) }
    if let candidacy { wake = min(wake, candidacy.until) }
    if let since = troubledSince { wake = min(wake, max(nextAttempt, since + patience(at: now))) }
    if promised != nil { wake = min(wake, promisedAt + frozenMax) }
    return max(wake, now + .milliseconds(1))
  }

  // MARK: Parts

  package func isLinked(_ member: Member) -> Bool { links[member.id]?.member == member }
  package var linkedMembers: [Member] { links.values.map(\.member).sorted() }

  private mutating func noteLoss(of member: Member, _ cause: LossCause, _ now: Duration) {
    guard view?.rank(of: member) != nil else { return }
    lost[member] = Loss(cause: cause, at: now)
    if cause == .processGone { book.forget(member) }
  }

  private var addresses: [KnownAddress] {
    guard let view else { return [] }
    return view.members.compactMap { member in
      // What a linked peer says of itself is better than what was heard.
      (links[member.id].flatMap { $0.member == member ? $0.address : nil }
        ?? book.address(of: member)).map { KnownAddress(member: member, address: $0) }
    }
  }

  private mutating func receive(
    _ message: MembershipMessage, from member: Member, at now: Duration
  ) -> [Action] {
    guard isLinked(member) else { return [] }
    switch message {
    case .greeting(let change, let known):
      for entry in known where entry.member != me { book.learn(entry.address, of: entry.member) }
      guard let change else { return [] }
      return consider(change, from: member, at: now)
    case .installed(let change): return consider(change, from: member, at: now)
    case .knock(let linked, let last):
      guard let view else { return [] }
      if view.rank(of: member) != nil {
        guard last >= view.number else { return [] }
        broken = broken ?? "\(member.id.short) lost its place"
      } else if probation.excludes(member, at: now) {
        return []
      }
      applicants[member] = Set(linked)
      // It may not know where all members listen: nobody else would tell it again.
      guard !Set(linked).union([me, member]).isSuperset(of: view.members) else { return [] }
      return [.send(member.id, .greeting(current, addresses: addresses))]
    case .farewell:
      leaving.insert(member)
      return []
    case .ping(let number): return [.send(member.id, .pong(number))]
    case .pong(let number):
      roundTrips.heard(number, from: member.id, at: now)
      return []
    case .prepare, .promise, .refuse, .accept, .accepted:
      return vote(message, from: member, at: now)
    }
  }

  /// A view that another peer holds: the next one, an old one, or that of a fork.
  private mutating func consider(_ change: ViewChange, from member: Member, at now: Duration)
    -> [Action]
  {
    guard let current else {
      let isAdmitted = change.view.rank(of: me) != nil && !past.contains(change)
      return isAdmitted ? install(change, at: now) : []
    }
    if change == current { return [] }
    if change.view.rank(of: me) != nil, change.view.number > current.view.number {
      return install(change, at: now)
    }
    if change.isAhead(of: current) {
      return evict(by: change, "the group went on without this peer: ", at: now)
    }
    return [.send(member.id, .installed(current))]
  }

  /// Not to be in the group's next view ends this peer's part; blamed for it, it waits as long as
  /// the others would keep it out.
  mutating func evict(by change: ViewChange, _ words: String, at now: Duration) -> [Action] {
    if change.blamed.contains(me) { probation.blame(me, at: now) }
    return evict(words + change.reason)
  }

  mutating func evict(_ reason: String) -> [Action] {
    let wasLeaving = isLeaving
    current = nil
    (promised, accepted, candidacy, broken, troubledSince) = (nil, nil, nil, nil, nil)
    (lost, applicants, leaving, expelled) = ([:], [:], [], [])
    standing = Standing(committed: 0)
    nextKnock = .zero
    return [.evicted(reason: wasLeaving ? "left" : reason)]
  }

  mutating func install(_ change: ViewChange, at now: Duration) -> [Action] {
    current = change
    past = past.suffix(Self.pastMax - 1) + [change]
    (promised, accepted, candidacy, broken, troubledSince) = (nil, nil, nil, nil, nil)
    (leaving, expelled) = (leaving.intersection(change.view.members), [])
    lost = lost.filter { change.view.rank(of: $0.key) != nil }
    for member in change.view.members { applicants[member] = nil }
    for member in change.blamed {
      probation.blame(member, at: now)
      applicants[member] = nil
    }
    nextAttempt = now
    var actions: [Action] = [.install(change)]
    for member in linkedMembers where change.view.rank(of: member) == nil {
      // Applicants learn whom to dial; those left out learn that they are.
      actions.append(.send(member.id, .greeting(change, addresses: addresses)))
    }
    return actions
  }

  /// Acts on what is due: knocks, redials, pings, candidacies.
  mutating func proceed(at now: Duration) -> [Action] {
    var actions: [Action] = book.due(at: now, except: Set(links.values.compactMap(\.address)))
      .map { .dial($0) }
    if now >= nextPing {
      nextPing = now + timing.pingEvery
      for member in linkedMembers {
        actions.append(.send(member.id, .ping(roundTrips.sent(to: member.id, at: now))))
      }
    }
    guard view != nil else {
      if now >= nextKnock, isSeeking, !isLeaving {
        nextKnock = now + timing.knockEvery
        guard !probation.excludes(me, at: now) else { return actions }
        actions += linkedMembers.map {
          .send($0.id, .knock(linkedTo: linkedMembers, after: past.last?.view.number ?? 0))
        }
      }
      return actions
    }
    if isLeaving, now >= leaveBy || othersAreLeaving { return actions + evict("left") }
    return actions + pursue(at: now)
  }

  /// Nobody is left to agree on going on without this peer.
  private var othersAreLeaving: Bool {
    view?.members.allSatisfy {
      leaving.contains($0) || lost[$0]?.cause == .processGone
    } ?? true
  }

  func describe(_ members: [Member]) -> String {
    members.map(\.id.short).joined(separator: ", ")
  }
}

extension ViewChange {
  /// Between the views of a fork: more rounds win, then the higher number, then the lower key.
  func isAhead(of other: ViewChange) -> Bool {
    if committed != other.committed { return committed > other.committed }
    if view.number != other.view.number { return view.number > other.view.number }
    return view.coordinator < other.view.coordinator
  }
}

extension Membership {
  /// Gives up this peer's place, because it cannot follow the group; it will ask to be let in anew.
  public mutating func resign(_ reason: String) -> [Action] { evict(reason) }
}
