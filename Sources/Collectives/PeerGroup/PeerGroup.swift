// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryPeers
import Foundation
public import Logging
import Synchronization

/// This process's place among peers that sum vectors together, over links that may break.
///
/// One peer founds the group, others join it, at any time; any of them may be killed at any moment
/// and the rest go on. All members call `allReduce` equally often: each call is one round. A thread
/// of its own serves the links whatever the callers do, or a caller that waits for its operation.
///
/// ```swift
/// let group = try PeerGroup.found(.init(run: "sums", secret: secret))   // or .join(line, …)
/// let mean = try group.allReduce(gradient, within: .seconds(60)).values
/// ```
///
/// Members hold the same bits after every round, or the round does not end. Calls from several
/// threads wait for one another. Every wait has the caller's deadline.
public final class PeerGroup: Sendable {
  /// How this peer links, and what all members must have alike.
  public struct Settings: Sendable {
    /// The run's name and secret: a peer with others is refused.
    public var run: String
    public var secret: RunSecret
    /// Nil for a new one with every group.
    public var identity: Identity?
    /// An empty host for every address of the machine; port 0 for any that is free.
    public var listen = PeerAddress(host: "127.0.0.1", port: 0)
    public var sealing: LinkSettings.Sealing = .encrypted
    /// Strands of each link, and the congestion control of long paths; nil for what the links find
    /// best, and for the system's.
    public var strands: Int?
    public var congestionControl: String? = LinkSettings.congestionControlUsual
    /// Whether peers on this machine are reached without TCP, where the system has another way.
    public var usesLocalSockets = true
    /// Codec, algorithm, operation, quorum, seed and the members to wait for: alike on all.
    public var group = GroupLogic.Settings(seed: Seed(0))
    /// What happens on the links; silent unless it is set.
    public var logger = Logger(label: "ferry.peers") { _ in SwiftLogNoOpLogHandler() }

    public init(run: String, secret: RunSecret) {
      self.run = run
      self.secret = secret
    }
  }

  /// The last round that this member holds and whose outcome was, or can be, taken.
  public var round: UInt64 { board.round.withLock { $0 } }
  /// Where this peer listens, with the real port.
  public var address: PeerAddress { loop.address }
  /// This peer, in this life.
  public let me: Member
  /// Every byte that this peer sends and receives, by peer and purpose.
  public var meter: ByteMeter { loop.meter }

  private let loop: LinkLoop<RunLogic>
  private let inbox: Inbox<RunNotice>
  private let progress = Mutex(Progress())
  let run: String
  private let secret: RunSecret
  private let failures: Inbox<PeersError>
  private let board: Board
  let calls: PendingCalls

  /// Who is in the group, for all threads at any time.
  private final class Board: Sendable {
    let view = Mutex<View?>(nil)
    let round = Mutex<UInt64>(0)
    let timesEvicted = Mutex(0)
  }

  /// What the caller's side knows of the group, from its notices.
  private struct Progress {
    var reason = "nothing has happened yet"
    var opened: UInt64?
    /// The last round that this member holds.
    var committed: UInt64 = 0
    /// The round that was handed in and not yet taken by its caller.
    var pending: UInt64?
    var outcome: RoundOutcome?
    var loaded: SharedState?
    /// Until the caller reloads: what it holds is not the group's any more, even if this peer was
    /// let in again meanwhile.
    var evicted: String?
    var hasStopped = false
  }

  /// Makes this peer a group of one, which others may join; the round after the state's is next.
  ///
  /// - Parameter state: what newcomers get and all members compare before each round.
  /// - Throws: `PeersError` when the address cannot be listened on.
  public static func found(
    _ settings: Settings, state: SharedState = SharedState(round: 0, tensors: [], note: [])
  ) throws -> PeerGroup {
    let group = try PeerGroup(settings)
    group.progress.withLock { $0.committed = state.round }
    let server = StateServer(state)
    group.post { $0.found(server, at: $1) }
    return group
  }

  /// Asks to be let in, and returns once this peer is a member with the group's state in hand.
  ///
  /// - Returns: the group, and the state after its last round.
  /// - Throws: what the other side refuses this peer for (`PeersError`), `.deadline` when nobody
  ///   lets it in within `limit`.
  public static func join(
    at address: PeerAddress, _ settings: Settings, within limit: Duration
  ) throws -> (group: PeerGroup, state: SharedState) {
    let group = try PeerGroup(settings)
    group.post { $0.seek(address, at: $1) }
    return (group, try group.reload(within: limit))
  }

  private init(_ settings: Settings) throws {
    var generator = SystemRandomNumberGenerator()
    let identity = settings.identity ?? Identity()
    me = Member(id: identity.id, incarnation: generator.next())
    run = settings.run
    secret = settings.secret
    var links = LinkSettings(
      run: settings.run, admission: .secret(settings.secret), incarnation: me.incarnation,
      listen: settings.listen)
    links.sealing = settings.sealing
    links.strands = settings.strands
    links.congestionControl = settings.congestionControl
    links.usesLocalSockets = settings.usesLocalSockets
    let failures = Inbox<PeersError>()
    links.greetingFailed = { address, error in if address != nil { failures.put(error) } }
    let inbox = Inbox<RunNotice>()
    let board = Board()
    let calls = PendingCalls()
    let logic = RunLogic(group: GroupLogic(me: me, settings: settings.group)) { notice in
      switch notice {
      case .group(.changed(let view, _)): board.view.withLock { $0 = view }
      case .group(.evicted):
        board.view.withLock { $0 = nil }
        board.timesEvicted.withLock { $0 += 1 }
      case .group(.stopped): board.view.withLock { $0 = nil }
      case .group(.committed(let outcome)): board.round.withLock { $0 = outcome.round }
      case .group(.loaded(let state)): board.round.withLock { $0 = state.round }
      case .group(.finished(let id, let result)):
        calls.finish(id, result)
        return
      default: break
      }
      inbox.put(notice)
    }
    loop = try LinkLoop(
      logic: logic, identity: identity, settings: links,
      logger: settings.logger)
    self.inbox = inbox
    self.board = board
    self.calls = calls
    self.failures = failures
    let thread = Thread { [loop] in loop.run() }
    thread.name = "ferry-links"
    thread.start()
  }

  deinit { close() }

  /// The line by which others join, for a person to send; `host` is this machine as they reach it.
  public func joinLine(host: String? = nil) -> JoinLine {
    JoinLine(
      address: PeerAddress(host: host ?? address.host, port: address.port), run: run,
      secret: secret, peer: me.id)
  }

  /// The members, as this peer last heard; nil while it is not one.
  public var view: View? { board.view.withLock { $0 } }

  /// How often the others went on without this peer; what it held then was not the group's any more.
  public var timesEvicted: Int { board.timesEvicted.withLock { $0 } }

  // MARK: Rounds

  /// The weighted mean (or sum) of all members' vectors, the same bits for all.
  ///
  /// After a deadline the round goes on without its caller: call `allReduce` again with anything,
  /// and it returns this round's outcome.
  ///
  /// - Parameters:
  ///   - values: as many as every other member's.
  ///   - weight: this member's share, finite and ≥ 0; a newcomer without work gives 0.
  ///   - note: reaches all members as it is, at most `GroupLogic.noteBytesMax` bytes.
  ///   - state: what all hold alike after the round before, in tensors of any names: compared by
  ///     all members, and given to newcomers. Nothing, where newcomers need nothing.
  /// - Returns: the round's record: who took part, and the values.
  /// - Throws: `CollectiveError`: `.evicted` when the others went on without this peer (see
  ///   `reload`), `.deadline` when `limit` passes first, `.stopped` after `leave`.
  public func allReduce(
    _ values: [Float], weight: Double = 1, note: [UInt8] = [],
    state: [(name: String, values: [Float])] = [], within limit: Duration
  ) throws(CollectiveError) -> RoundOutcome {
    try progress.withLock { (progress) throws(CollectiveError) in
      let deadline = ContinuousClock.now + limit
      if progress.pending == nil {
        let server = StateServer(
          SharedState(round: progress.committed, tensors: state, note: []))
        post { $0.publish(server, at: $1) }
        try wait(until: deadline, for: "a round to open", &progress) {
          $0.opened != nil && $0.evicted == nil
        }
        let round = progress.committed + 1
        let mine = Contribution(round: round, values: values, weight: weight, note: note)
        progress.pending = round
        progress.opened = nil
        post { $0.contribute(mine, at: $1) }
      }
      let round = progress.pending ?? 0
      try wait(until: deadline, for: "round \(round)", &progress) { $0.outcome != nil }
      defer { (progress.pending, progress.outcome) = (nil, nil) }
      return progress.outcome!
    }
  }

  /// The group's state, for a peer that is new or lost its place: waits until it is a member again.
  ///
  /// - Throws: as `join`.
  public func reload(within limit: Duration) throws -> SharedState {
    try progress.withLock { progress in
      try wait(
        until: ContinuousClock.now + limit, for: "a group to let this peer in",
        bearsEviction: true, &progress
      ) { $0.loaded != nil }
      defer { (progress.loaded, progress.evicted) = (nil, nil) }
      return progress.loaded!
    }
  }

  /// Leaves once the others have agreed to go on without this peer, and ends its links.
  ///
  /// - Throws: `.deadline`; the links are ended then, too, and the others see this peer as lost.
  public func leave(within limit: Duration) throws(CollectiveError) {
    defer { close() }
    try progress.withLock { (progress) throws(CollectiveError) in
      guard !progress.hasStopped else { return }
      post { $0.leave(at: $1) }
      let deadline = ContinuousClock.now + limit
      while !progress.hasStopped {
        guard ContinuousClock.now < deadline else {
          throw late("the others to let this peer go", progress)
        }
        take(waiting: .milliseconds(100), into: &progress)
      }
    }
  }

  /// Ends this peer's links at once; the others see it as lost.
  public func close() {
    loop.stop()
    calls.close(run: run)
  }

  // MARK: Notices

  func post(_ work: @escaping @Sendable (inout GroupLogic, Duration) -> [LinkAction]) {
    loop.post { logic, now in logic.perform { work(&$0, now) } }
  }

  /// Serves the links on the thread of a caller that waits, where no other caller does.
  func serve(while isAwaited: () -> Bool) {
    loop.serve(while: isAwaited, hasMore: { !calls.isEmpty })
  }

  private func wait(
    until deadline: ContinuousClock.Instant, for what: String, bearsEviction: Bool = false,
    _ progress: inout Progress, _ isThere: (Progress) -> Bool
  ) throws(CollectiveError) {
    take(waiting: .zero, into: &progress)
    while !isThere(progress) {
      if progress.hasStopped {
        throw CollectiveError(
          .stopped, "this peer has left the group", place: "run \(run)",
          remedy: "Join again with a new PeerGroup.")
      }
      if let reason = progress.evicted, !bearsEviction {
        throw CollectiveError(
          .evicted, "this peer lost its place: \(reason)", place: "run \(run)",
          remedy: "Call reload for the group's state, and go on from it.")
      }
      let left = deadline - ContinuousClock.now
      guard left > .zero else { throw late(what, progress) }
      take(waiting: min(left, .milliseconds(100)), into: &progress)
    }
  }

  private func late(_ what: String, _ progress: Progress) -> CollectiveError {
    let refusal = failures.take(waiting: .zero).last.map { "; last refusal: \($0)" } ?? ""
    let members = view.map { "\($0.members.count) members" } ?? "not a member"
    return CollectiveError(
      .deadline, "waited in vain for \(what) (\(members); \(progress.reason)\(refusal))",
      place: "run \(run)",
      remedy: "Wait longer by calling again, or look at the members that are named.")
  }

  private func take(waiting patience: Duration, into progress: inout Progress) {
    for notice in inbox.take(waiting: patience) {
      guard case .group(let notice) = notice else { continue }
      switch notice {
      case .opened(let round, _): if round == progress.committed + 1 { progress.opened = round }
      case .committed(let outcome):
        progress.committed = outcome.round
        if outcome.round == progress.pending { progress.outcome = outcome }
      case .loaded(let state):
        progress.loaded = state
        progress.committed = state.round
      case .changed(_, let reason): progress.reason = reason
      case .evicted(let reason):
        progress.evicted = reason
        progress.reason = reason
        (progress.loaded, progress.opened) = (nil, nil)
        // An outcome that came before is still its caller's.
        if progress.outcome == nil { progress.pending = nil }
      case .stopped(let reason):
        progress.hasStopped = true
        progress.reason = reason
      case .hurried, .received, .charter, .finished: break
      }
    }
  }
}
