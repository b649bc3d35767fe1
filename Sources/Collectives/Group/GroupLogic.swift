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
  var settings: Settings
  var wantsCharter = false
  var notices: [GroupNotice] = []

  var contributions: [UInt64: Contribution] = [:]
  /// The coming round; nil while this peer is in no view.
  var attempt: Exchange?
  /// Its outcome, once this member holds the result.
  var outcome: RoundOutcome?
  var early: [(Member, GroupMessage.Stage, GroupMessage)] = []
  /// The last round opened to the worker, so that none is opened twice.
  var opened: UInt64?
  /// The view that completed the last round: all share out the next one's work by it.
  var assignmentView: View?
  /// This peer has the group's state, or founded the group.
  var hasState = false
  var server: StateServer?
  /// A state of the run that this peer held before: what is equal in the group's is not fetched.
  var base: StateServer?
  var fetch: StateFetch?
  var fetchAgainAt: Duration?
  var watch: Watch

  /// What is known of the links between members.
  var paths = Paths()
  /// What is done beside the rounds, by the channel's number.
  var channels: [UInt64: ChannelState] = [:]
  /// Messages kept in all channels together.
  var earlyInChannels: Int { channels.values.reduce(0) { $0 + $1.early.count } }
  /// When a call's time is over.
  var nextDeadline: Duration?
  var channelsMovedAt: Duration?
  /// The members of the view that is installed.
  var known: Set<Member> = []
  /// The group has, or had, all the members that it was to wait for.
  var hasGathered = false
  var nextWake: Duration?
  /// Operations of which this member heard from others what all had said, and those of which nobody
  /// was left to tell.
  package var operationsTold = 0
  package var operationsLost = 0
  /// Something has changed that `settle` may have to see to.
  var isUnsettled = true

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
  ///
  /// - Parameter state: one of the same run that this peer has, say in a checkpoint.
  public mutating func seek(
    _ address: PeerAddress, holding state: StateServer? = nil, at now: Duration
  ) -> [LinkAction] {
    if let state { base = state }
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
        let message = try GroupMessage(frame)
        actions += receive(message, from: member, at: now)
        if message.isInChannel { return actions + settleIfNeeded(at: now) }
      } catch {
        return [.hangUp(member.id, reason: "\(error)")]
      }
    case .woke:
      nextWake = nil
    }
    return actions + settle(at: now)
  }

  mutating func receive(_ message: GroupMessage, from member: Member, at now: Duration)
    -> [LinkAction]
  {
    switch message {
    case .chunk, .state: paths.somethingElseMoved()
    default: break
    }
    switch message {
    case .paths(let message): return receive(message, from: member, at: now)
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
      .hurry(let stage), .told(let stage, _):
      if stage.channel != 0 {
        return receiveInChannel(message, stage, from: member, at: now)
      }
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

  mutating func receive(
    _ message: GroupMessage, in view: View, from member: Member, at now: Duration
  ) -> [LinkAction] {
    guard !membership.isFrozen, view.rank(of: member) != nil else { return [] }
    switch message {
    case .progress(_, let permille):
      watch.heard(permille: Int(permille), from: member, at: now)
      return []
    case .hurry:
      if attempt?.isAnnounced != true { notices.append(.hurried(round: committed + 1)) }
      return []
    case .ready: watch.heard(permille: 1000, from: member, at: now)
    case .chunk, .done: watch.exchangeMoved(at: now)
    case .membership, .state, .word, .askCharter, .charter, .told, .paths: return []
    }
    let actions = attempt?.receive(message, from: member) ?? []
    return actions + advanceRound(at: now)
  }
}
