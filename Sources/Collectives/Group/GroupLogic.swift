// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
public import FerryPeers

/// A member's part in a group that changes: who is in it, what they sum, and state for newcomers.
///
/// The life of a round: every member hands in a `Contribution` and says `ready` to all others; once
/// all are ready, each runs its `AllReduceMachine`; whoever holds the complete result tells all
/// others its digest; when all digests are here and equal, the round is committed. Nobody
/// coordinates. Whatever goes wrong on the way ends in a new view, whose members repeat the round
/// with the contributions they kept, unless all of them already hold its result (`Resolution`).
///
/// Events in, actions out; the owner drains `takeNotices()` after each call.
public struct GroupLogic: PeerLogic {
  /// The longest note of a contribution.
  public static let noteBytesMax = 64 << 10
  /// Contributions handed in before their round is reached.
  public static let contributionsAheadMax = 16
  /// Messages kept that belong to a view or round this member has not reached yet.
  package static let earlyMessagesMax = 4096

  public internal(set) var membership: Membership
  private(set) var settings: Settings
  private var wantsCharter = false
  private var notices: [GroupNotice] = []

  var contributions: [UInt64: Contribution] = [:]
  var attempt = RoundAttempt()
  /// The values of the last round's contribution: the next round's exchange works in their memory.
  var spare: [Float] = []
  var early: [(Member, GroupMessage.Stage, GroupMessage)] = []
  /// The last round opened to the worker, so that none is opened twice.
  var opened: UInt64?
  /// The view that completed the last round: all share out the next one's work by it.
  var assignmentView: View?
  /// This peer has the group's state, or founded the group.
  var hasState = false
  var server: StateServer?
  var fetch: StateFetch?
  var fetchAgainAt: Duration?
  var watch: Watch
  private var nextWake: Duration?

  /// - Parameter me: this peer's identity in this life.
  public init(me: Member, settings: Settings) {
    membership = Membership(me: me, quorum: settings.quorum, timing: settings.timing)
    watch = Watch(patience: settings.patience)
    self.settings = settings
  }

  public var me: Member { membership.me }
  public var view: View? { membership.view }
  /// The last round this member has committed.
  public var committed: UInt64 { membership.standing.committed }
  /// How far each member's work for the coming round is, in thousandths; 1000 when ready.
  public var progress: [Member: Int] { watch.permille }

  /// How many messages wait for their stage.
  package var earlyCount: Int { early.count }

  /// What the worker should know, in order; empties the list.
  public mutating func takeNotices() -> [GroupNotice] {
    defer { notices = [] }
    return notices
  }

  // MARK: From this machine

  /// Makes this peer a group of one, holding the state after `state.round`.
  public mutating func found(_ state: StateServer, at now: Duration) -> [LinkAction] {
    hasState = true
    let actions = membership.found(committed: state.round)
    publish(state)
    return perform(actions, at: now)
  }

  /// Asks the peer at an address what its run is; `.charter` follows. Call again while it does not.
  public mutating func askCharter(at address: PeerAddress, at now: Duration) -> [LinkAction] {
    wantsCharter = true
    let asked = membership.linkedMembers.map {
      LinkAction.send($0.id, GroupMessage.askCharter.frame())
    }
    return [.dial(address)] + asked + settle(at: now)
  }

  /// Settles how this peer takes part, once it knows the charter and before it seeks the group.
  public mutating func adopt(_ settings: Settings) {
    precondition(membership.view == nil, "a member cannot change its settings")
    self.settings = settings
  }

  /// Looks for the group at an address, and asks to be let in.
  public mutating func seek(_ address: PeerAddress, at now: Duration) -> [LinkAction] {
    membership.seek(address)
    return settle(at: now)
  }

  /// Takes the worker's part in a round. One for a round that is over is dropped.
  public mutating func contribute(_ contribution: Contribution, at now: Duration) -> [LinkAction] {
    precondition(
      contribution.note.count <= Self.noteBytesMax,
      "a note of \(contribution.note.count) bytes is above \(Self.noteBytesMax)")
    guard hasState, contribution.round > committed else { return [] }
    precondition(
      contributions.count < Self.contributionsAheadMax,
      "\(contributions.count) contributions wait; at most \(Self.contributionsAheadMax) may")
    contributions[contribution.round] = contribution
    return announce(at: now) + settle(at: now)
  }

  /// Takes the shared state after the last committed round, for comparison and for newcomers.
  public mutating func publish(_ state: StateServer, at now: Duration) -> [LinkAction] {
    guard hasState, state.round == committed else { return [] }
    publish(state)
    return announce(at: now) + settle(at: now)
  }

  /// Tells the others how far the work for a round is, from 0 to 1000.
  public mutating func progress(_ permille: UInt16, of round: UInt64, at now: Duration)
    -> [LinkAction]
  {
    guard let view, round == committed + 1 else { return [] }
    watch.heard(permille: Int(permille), from: me, at: now)
    return broadcast(.progress(.init(view: view.number, round: round), permille: permille))
      + settle(at: now)
  }

  /// Sends bytes to one member, outside any round; they are lost if its link breaks.
  public func send(_ bytes: [UInt8], to member: Member) -> [LinkAction] {
    [.send(member.id, GroupMessage.word(bytes).frame())]
  }

  /// Leaves once the others have agreed to go on without this peer; `.stopped` follows.
  public mutating func leave(at now: Duration) -> [LinkAction] {
    perform(membership.leave(at: now), at: now) + settle(at: now)
  }

  // MARK: From the links

  public mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
    var actions: [LinkAction] = []
    switch event {
    case .linked(let member, let address):
      actions += pass(.linked(member, address: address), at: now)
      if wantsCharter { actions.append(.send(member.id, GroupMessage.askCharter.frame())) }
    case .unlinked(let member, let cause):
      actions += pass(.unlinked(member, cause), at: now)
      actions += lostFellow(member, at: now)
    case .unreachable: break
    case .received(let member, let frame):
      do {
        actions += receive(try GroupMessage(frame), from: member, at: now)
      } catch {
        return [.hangUp(member.id, reason: "\(error)")]
      }
    case .woke:
      nextWake = nil
    }
    return actions + settle(at: now)
  }

  private mutating func receive(_ message: GroupMessage, from member: Member, at now: Duration)
    -> [LinkAction]
  {
    switch message {
    case .membership(let message): return pass(.received(member, message), at: now)
    case .state(let bytes): return receiveState(bytes, from: member, at: now)
    case .askCharter:
      guard view != nil, !settings.charter.isEmpty else { return [] }
      return [.send(member.id, GroupMessage.charter(settings.charter).frame())]
    case .charter(let bytes):
      if wantsCharter { notices.append(.charter(bytes)) }
      wantsCharter = false
      return []
    case .word(let bytes):
      if hasState, view?.rank(of: member) != nil { notices.append(.received(bytes, from: member)) }
      return []
    case .ready(let stage, _), .chunk(let stage, _), .done(let stage, _), .progress(let stage, _),
      .hurry(let stage):
      if let view, stage.view == view.number, stage.round == committed + 1,
        hasState || !message.isExchange
      {
        return receive(message, in: view, from: member, at: now)
      }
      keepEarly(message, stage, from: member)
      return []
    }
  }

  /// Keeps a message of a stage that this member has not reached: others may have heard of a new
  /// view, or of a commit, before it. That goes for one that is just being admitted, too.
  private mutating func keepEarly(
    _ message: GroupMessage, _ stage: GroupMessage.Stage, from member: Member
  ) {
    // Chunks are never early: nobody sends one before this member was ready in that stage.
    if case .chunk = message { return }
    if let view {
      let here = (view.number, committed + 1)
      guard (stage.view, stage.round) >= here else { return }
    }
    if early.count >= Self.earlyMessagesMax { early.removeFirst() }
    early.append((member, stage, message))
  }

  private mutating func receive(
    _ message: GroupMessage, in view: View, from member: Member, at now: Duration
  ) -> [LinkAction] {
    guard !membership.isFrozen, let rank = view.rank(of: member) else { return [] }
    switch message {
    case .progress(_, let permille):
      watch.heard(permille: Int(permille), from: member, at: now)
      return []
    case .ready(_, let ready):
      attempt.readies[member] = ready
      watch.heard(permille: 1000, from: member, at: now)
      return startExchange(at: now)
    case .chunk(_, let chunk):
      watch.exchangeMoved(at: now)
      guard attempt.machine != nil else {
        if attempt.readies[me] != nil, attempt.waiting.count < Self.earlyMessagesMax {
          attempt.waiting.append((rank, chunk))
        }
        return []
      }
      return take(chunk, from: rank, at: now)
    case .done(_, let digest):
      watch.exchangeMoved(at: now)
      attempt.dones[member] = digest
      return commitIfAllHold(at: now)
    case .hurry:
      if attempt.readies[me] == nil { notices.append(.hurried(round: committed + 1)) }
      return []
    case .membership, .state, .word, .askCharter, .charter: return []
    }
  }

  // MARK: The round

  /// Says that this member is ready, once it is.
  mutating func announce(at now: Duration) -> [LinkAction] {
    guard let view, !membership.isFrozen, hasState, attempt.readies[me] == nil,
      let contribution = contributions[committed + 1], let server, server.round == committed
    else { return [] }
    var ready = GroupMessage.Ready(
      weight: contribution.weight, note: contribution.note,
      elementCount: UInt64(contribution.values.count),
      operation: "\(settings.codec) \(settings.algorithm) \(settings.operation)",
      stateDigest: membership.standing.stateDigest)
    if contribution.weight > 0, opensOnReady(contribution.values.count, in: view) {
      do {
        ready.opening = try opening(contribution.values, in: view)
      } catch {
        return giveUp(error, at: now)
      }
    }
    attempt.readies[me] = ready
    watch.heard(permille: 1000, from: me, at: now)
    let stage = GroupMessage.Stage(view: view.number, round: committed + 1)
    return broadcast(.ready(stage, ready)) + startExchange(at: now)
  }

  private mutating func startExchange(at now: Duration) -> [LinkAction] {
    guard let view, attempt.machine == nil, attempt.result == nil,
      attempt.readies.count == view.members.count, let mine = contributions[committed + 1]
    else { return [] }
    if let quarrel = attempt.quarrel(in: view) {
      return pass(.trouble(reason: quarrel.reason, without: quarrel.without), at: now)
    }
    watch.exchangeMoved(at: now)
    membership.mayAdmit = false
    let weights = view.members.map { attempt.readies[$0]!.weight }
    guard weights.contains(where: { $0 > 0 }) else {
      return hold(Array(repeating: 0, count: mine.values.count), at: now)
    }
    do {
      let reduction = try reduction(weights, in: view)
      var machine = settings.algorithm.machine(working(on: mine.values), in: reduction)
      let outgoing = try machine.start()
      attempt.machine = consume machine
      let isOpened = opensOnReady(mine.values.count, in: view)
      var actions = isOpened ? takeOpenings(in: view, at: now) : send(outgoing, in: view)
      let waiting = attempt.waiting
      attempt.waiting = []
      for (rank, chunk) in waiting where self.view?.number == view.number {
        actions += take(chunk, from: rank, at: now)
      }
      return actions + finishIfDone(at: now)
    } catch {
      return giveUp(error, at: now)
    }
  }

  mutating func take(_ chunk: Chunk, from rank: Int, at now: Duration) -> [LinkAction] {
    guard let view, attempt.machine != nil else { return [] }
    do {
      let outgoing = try attempt.machine!.receive(chunk, from: rank)
      return send(outgoing, in: view) + finishIfDone(at: now)
    } catch {
      let liar = view.members[rank]
      return pass(
        .trouble(reason: "\(liar.id.short) sent a bad chunk: \(error)", without: [liar]), at: now)
    }
  }

  private mutating func finishIfDone(at now: Duration) -> [LinkAction] {
    guard attempt.result == nil, let result = attempt.machine?.result else { return [] }
    return hold(result, at: now)
  }

  /// This member holds the complete result: tells the others, but commits only when all do.
  private mutating func hold(_ result: [Float], at now: Duration) -> [LinkAction] {
    guard let view else { return [] }
    attempt.machine = nil
    attempt.result = result
    let seed = settings.seed.derived("digest", committed + 1)
    let digest = attempt.recordDigest(of: result, in: view, seed: seed)
    attempt.dones[me] = digest
    attempt.outcome = RoundOutcome(
      round: committed + 1, view: view,
      contributors: view.members.map { member in
        let ready = attempt.readies[member]!
        return Contributor(member: member, weight: ready.weight, note: ready.note)
      }, values: result)
    membership.standing.held = HeldResult(
      round: committed + 1, view: view.number, digest: digest)
    let stage = GroupMessage.Stage(view: view.number, round: committed + 1)
    return broadcast(.done(stage, digest: digest)) + commitIfAllHold(at: now)
  }

  private mutating func commitIfAllHold(at now: Duration) -> [LinkAction] {
    guard let view, !membership.isFrozen, let mine = attempt.dones[me],
      attempt.dones.count == view.members.count
    else { return [] }
    let odd = attempt.minority(in: view)
    guard odd.isEmpty, attempt.dones.values.allSatisfy({ $0 == mine }) else {
      let names = odd.map(\.id.short).joined(separator: ", ")
      return pass(
        .trouble(
          reason: "the results of round \(committed + 1) differ: \(names) against the rest",
          without: odd), at: now)
    }
    return commit(at: now)
  }

  private mutating func commit(at now: Duration) -> [LinkAction] {
    conclude(at: now)
    open(at: now)
    return replayEarly(at: now) + announce(at: now)
  }

  /// The result in hand is the round's: hands it to the worker.
  private mutating func conclude(at now: Duration) {
    guard let outcome = attempt.outcome else { return }
    membership.standing = Standing(committed: outcome.round)
    spare = contributions.removeValue(forKey: outcome.round)?.values ?? []
    attempt = RoundAttempt()
    membership.mayAdmit = true
    watch.roundEnded(at: now)
    assignmentView = outcome.view
    notices.append(.committed(outcome))
  }

  /// Opens the next round to the worker, once.
  private mutating func open(at now: Duration) {
    guard hasState, let view, opened != committed + 1 else { return }
    if assignmentView == nil {
      guard view.members.count >= settings.membersMin else { return }
      // Whoever founds alone works from the start. A group that waits for its members gathers them
      // in an empty round, so that all know the view by which the first work is shared out.
      assignmentView = settings.membersMin > 1 ? View(number: 0, members: []) : view
    }
    opened = committed + 1
    watch.roundBegan(at: now)
    notices.append(.opened(round: committed + 1, view: assignmentView!))
  }

  private mutating func replayEarly(at now: Duration) -> [LinkAction] {
    guard let view, !early.isEmpty else { return [] }
    let here = GroupMessage.Stage(view: view.number, round: committed + 1)
    let kept = early
    early = []
    var actions: [LinkAction] = []
    for (member, stage, message) in kept where stage.view >= here.view && stage.round >= here.round
    {
      if stage == here {
        actions += receive(message, from: member, at: now)
      } else {
        early.append((member, stage, message))
      }
    }
    return actions
  }

  // MARK: Views

  func broadcast(_ message: GroupMessage) -> [LinkAction] {
    let frame = message.frame()
    return (view?.members ?? []).filter { $0 != me }.map { .send($0.id, frame) }
  }

  private func send(_ outgoing: [Outgoing], in view: View) -> [LinkAction] {
    let stage = GroupMessage.Stage(view: view.number, round: committed + 1)
    return outgoing.map {
      .send(view.members[$0.rank].id, GroupMessage.chunk(stage, $0.chunk).frame())
    }
  }

  mutating func pass(_ event: Membership.Event, at now: Duration) -> [LinkAction] {
    let actions = membership.handle(event, at: now)
    return perform(actions, at: now)
  }

  mutating func perform(_ actions: [Membership.Action], at now: Duration) -> [LinkAction] {
    var out: [LinkAction] = []
    for action in actions {
      switch action {
      case .send(let peer, let message):
        out.append(.send(peer, GroupMessage.membership(message).frame()))
      case .dial(let address): out.append(.dial(address))
      case .install(let change): out += install(change, at: now)
      case .evicted(let reason):
        forgetGroup()
        notices.append(membership.isLeaving ? .stopped(reason: reason) : .evicted(reason: reason))
      }
    }
    return out
  }

  private mutating func install(_ change: ViewChange, at now: Duration) -> [LinkAction] {
    if hasState {
      let isHeld =
        attempt.outcome?.round == change.committed
        && membership.standing.held?.digest == change.resultDigest
      if change.committed == committed + 1, isHeld {
        conclude(at: now)
      } else if change.committed != committed {
        return perform(membership.resign("its rounds are not the group's"), at: now)
      }
    }
    attempt = RoundAttempt()
    membership.standing.held = nil
    membership.mayAdmit = true
    watch.viewChanged(to: change.view, at: now)
    notices.append(.changed(change.view, reason: change.reason))
    var actions: [LinkAction] = []
    if !hasState {
      membership.standing = Standing(committed: change.committed, holdsState: false)
      actions += beginFetch(of: change, at: now)
    }
    open(at: now)
    return actions + replayEarly(at: now) + announce(at: now)
  }

  private mutating func forgetGroup() {
    hasState = false
    (contributions, attempt, early, opened, assignmentView) = ([:], RoundAttempt(), [], nil, nil)
    (server, fetch, fetchAgainAt) = (nil, nil, nil)
  }

  mutating func loaded(_ server: StateServer, at now: Duration) -> [LinkAction] {
    hasState = true
    membership.standing.holdsState = true
    (fetch, fetchAgainAt) = (nil, nil)
    publish(server)
    assignmentView = assignmentView ?? View(number: 0, members: [])
    notices.append(.loaded(server.state))
    open(at: now)
    return replayEarly(at: now) + announce(at: now)
  }

  private mutating func publish(_ state: StateServer) {
    server = state
    membership.standing.stateDigest = state.digest
  }

  /// When most members are ready, the others need not finish all they meant to do.
  private mutating func hurryTheLate(at now: Duration) -> [LinkAction] {
    guard let view, !membership.isFrozen, attempt.readies[me] != nil, !attempt.hasHurried,
      attempt.readies.count < view.members.count, 2 * attempt.readies.count > view.members.count,
      watch.shouldHurry(at: now)
    else { return [] }
    attempt.hasHurried = true
    let stage = GroupMessage.Stage(view: view.number, round: committed + 1)
    return view.members.filter { attempt.readies[$0] == nil }
      .map { .send($0.id, GroupMessage.hurry(stage).frame()) }
  }

  /// What is due, and when to come back.
  mutating func settle(at now: Duration) -> [LinkAction] {
    var actions = pass(.tick, at: now)
    actions += tickFetch(at: now) + hurryTheLate(at: now)
    if let view, hasState, !membership.isFrozen,
      let verdict = watch.verdict(
        in: view, attempt: attempt, me: me, pace: membership.pace, at: now)
    {
      actions += pass(.trouble(reason: verdict.reason, without: verdict.without), at: now)
    }
    let wake = min(membership.nextWake(at: now), watch.nextCheck(at: now), fetchWake(at: now))
    if let nextWake, nextWake <= wake, nextWake > now { return actions }
    nextWake = wake
    return actions + [.wake(at: wake)]
  }
}
