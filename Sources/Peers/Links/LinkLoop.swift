// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation
public import Logging
import Synchronization

/// Runs a peer's logic over real links: one thread at a time, one listener, all sockets.
///
/// The thread that calls `run` is the loop. It waits for sockets and timers, turns what happens into
/// `LinkEvent`s for the logic, and does what the logic answers. Other threads reach the logic through
/// `post`; one that would only wait for what comes of it takes the loop's part meanwhile (`serve`),
/// which saves two changes of thread.
///
/// - Bytes are sent at once when the socket takes them, else as it takes them; urgent frames in
///   order and first, bulk frames in order, over further connections where the path is long (`Link`).
/// - When a link drops, the loop dials its peer's address again before it reports anything: refused
///   means that the process is gone; the same life of the peer means down and up again.
/// - Of several connections between the same two peers, the one with the lower id chooses one.
public final class LinkLoop<Logic: PeerLogic>: Sendable {
  /// Work from another thread for the loop's: it may change the logic, and returns what to do.
  public typealias Work = @Sendable (inout Logic, Duration) -> [LinkAction]

  private struct Inbox {
    var works: [Work] = []
    var stopping = false
  }

  /// What only the thread that serves the links touches. A class, as generic code copies a struct
  /// whole to see whether it is there.
  private final class Serving {
    var logic: Logic
    let engine: LinkEngine
    var reportAt = Duration.zero

    init(logic: Logic, engine: LinkEngine) { (self.logic, self.engine) = (logic, engine) }
  }

  /// Where this peer listens, with the real port.
  public let address: PeerAddress
  public let id: PeerID
  public let meter: ByteMeter
  private let identity: Identity
  private let settings: LinkSettings
  private let logger: Logger
  private let wakeup: Wakeup
  /// Held by the thread that serves the links, while it waits for sockets, too; nil at the end.
  private let serving: Mutex<Serving?>
  private let turns = LoopTurns()
  private let inbox = Mutex(Inbox())
  private let linkReports = Mutex<[LinkReport]>([])

  /// Longest wait for bytes that are queued when the loop is stopped.
  private static var lastBytesMax: Duration { .seconds(1) }

  /// Opens the listener; nothing else happens before `run`.
  ///
  /// - Throws: `.portInUse`, `.cannotListen` or `.unknownHost`.
  public init(
    logic: Logic, identity: Identity, settings: LinkSettings, meter: ByteMeter = ByteMeter(),
    logger: Logger = Logger(label: "ferry.peers")
  ) throws(PeersError) {
    let listener = try Self.listen(settings)
    guard let bound = listener.localAddress, let wakeup = Wakeup() else {
      throw PeersError(
        .cannotListen, "no descriptors are left", place: "\(settings.listen)",
        remedy: "Raise the limit of open files (ulimit -n).")
    }
    address = PeerAddress(
      host: settings.listen.host.isEmpty ? bound.host : settings.listen.host, port: bound.port)
    id = identity.id
    self.identity = identity
    self.settings = settings
    self.meter = meter
    self.logger = logger
    self.wakeup = wakeup
    var listens = settings.advertised
    if listens == nil {
      // An empty host makes the others take the address they see.
      let host = settings.listen.host
      let isWildcard = host.isEmpty || host == "0.0.0.0" || host == "::"
      listens = PeerAddress(host: isWildcard ? "" : host, port: bound.port)
    }
    let engine = LinkEngine(
      identity: identity, settings: settings, listener: listener, listens: listens!,
      wakeup: wakeup, meter: meter, logger: logger)
    serving = Mutex(Serving(logic: logic, engine: engine))
  }

  private static func listen(_ settings: LinkSettings) throws(PeersError) -> Socket {
    var wanted = settings.listen
    // Every address: the dual-stack wildcard serves IPv4 as well.
    if wanted.host.isEmpty { wanted = PeerAddress(host: "::", port: wanted.port) }
    var candidates: [SocketAddress]
    switch SocketAddress.resolve(wanted, .name) {
    case .success(let found): candidates = found
    case .failure(let reason):
      throw PeersError(
        .unknownHost, "no address is known for \"\(wanted.host)\": \(reason)",
        place: "\(settings.listen)", remedy: "Listen on an address of this machine.")
    }
    if settings.listen.host.isEmpty,
      case .success(let older) = SocketAddress.resolve(
        PeerAddress(host: "0.0.0.0", port: wanted.port), .numeric)
    {
      // A machine without IPv6.
      candidates += older
    }
    var failure: SystemReason?
    for candidate in candidates {
      switch Socket.listening(at: candidate, backlog: settings.handshakesMax) {
      case .success(let socket): return socket
      case .failure(let reason): if failure != .inUse { failure = reason }
      }
    }
    if failure == .inUse {
      throw PeersError(
        .portInUse, "another program listens on port \(wanted.port)",
        place: "\(settings.listen)",
        remedy: "Choose another port, or 0 for any that is free, or stop that program.")
    }
    throw PeersError(
      .cannotListen, failure?.description ?? "no address", place: "\(settings.listen)",
      remedy: "Listen on an address of this machine, and on a port above 1023.")
  }

  /// Has work done on the loop's thread, or at once while that is out of the way (`serve`); in the
  /// order of the calls.
  ///
  /// After the loop has ended it is dropped.
  public func post(_ work: @escaping Work) {
    if turns.claimIfParked() {
      var isUrgent = true
      serving.withLock { serving in
        guard let serving else { return }
        isUrgent = !begin(with: work, serving) || serving.engine.hasUnsent
      }
      return leave(isUrgent: isUrgent)
    }
    let isFirst = inbox.withLock { inbox in
      inbox.works.append(work)
      return inbox.works.count == 1
    }
    // Whoever put the first there has woken the loop, and it has not looked yet.
    if isFirst { wake() }
  }

  private func wake() {
    wakeup.wake()
    turns.resume()
  }

  /// Ends the loop from any thread: `run` gives what is queued a moment to leave, then returns.
  public func stop() {
    inbox.withLock { $0.stopping = true }
    wake()
  }

  /// The links that are up, as of the last heartbeat.
  public var links: [LinkReport] { linkReports.withLock { $0 } }

  /// Runs the loop on the calling thread until `stop`.
  ///
  /// - Precondition: called once.
  /// - Returns: the logic as it is in the end.
  @discardableResult
  public func run() -> Logic {
    serving.withLock { $0?.engine.updateNow() }
    while serving.withLock({ turn($0!) }) { turns.waitForMine() }
    return serving.withLock { end(&$0) }
  }

  /// Serves the links on the calling thread while something is awaited, or until `stop`; returns at
  /// once when another thread is doing so already.
  ///
  /// - Parameters:
  ///   - isAwaited: asked after every turn; what ends it must come from the logic, or wake the loop.
  ///   - hasMore: whether others wait, too: then the loop's thread goes on at once, else soon.
  public func serve(while isAwaited: () -> Bool, hasMore: () -> Bool) {
    guard let isParked = turns.claim() else { return }
    if !isParked { wakeup.wake() }
    var isUrgent = true
    serving.withLock { serving in
      guard let serving else { return }
      var goesOn = begin(with: nil, serving)
      while goesOn, isAwaited() { goesOn = turn(serving) }
      isUrgent = !goesOn || serving.engine.hasUnsent
    }
    leave(isUrgent: isUrgent || hasMore())
  }

  /// What was posted before comes first; false once stopped.
  private func begin(with work: Work?, _ serving: Serving) -> Bool {
    serving.engine.updateNow()
    let goesOn = takeWorks(serving)
    if let work { perform(work, serving) }
    return goesOn
  }

  private func leave(isUrgent: Bool) {
    let isLeft = inbox.withLock { !$0.works.isEmpty || $0.stopping }
    turns.release(atOnce: isUrgent || isLeft)
  }

  // MARK: On the thread that serves

  /// Does what was posted, waits for sockets or a timer, and sees to them; false once stopped.
  private func turn(_ serving: Serving) -> Bool {
    guard takeWorks(serving) else { return false }
    serving.engine.turn { deliver(serving) }
    return true
  }

  private func takeWorks(_ serving: Serving) -> Bool {
    let (works, stopping) = inbox.withLock { inbox in
      defer { inbox.works = [] }
      return (inbox.works, inbox.stopping)
    }
    for work in works { perform(work, serving) }
    return !stopping
  }

  private func perform(_ work: Work, _ serving: Serving) {
    serving.engine.perform(work(&serving.logic, serving.engine.now))
    deliver(serving)
  }

  private func deliver(_ serving: Serving) {
    let engine = serving.engine
    var linksChanged = false
    while !engine.events.isEmpty {
      let events = engine.events
      engine.events = []
      for event in events {
        switch event {
        case .linked, .unlinked: linksChanged = true
        default: break
        }
        engine.perform(serving.logic.handle(event, at: engine.now))
      }
    }
    if linksChanged || engine.now >= serving.reportAt {
      serving.reportAt = engine.now + settings.heartbeatInterval
      let reports = engine.reports
      linkReports.withLock { $0 = reports }
    }
  }

  private func end(_ serving: inout Serving?) -> Logic {
    guard let last = serving else { preconditionFailure("a link loop runs once") }
    serving = nil
    let engine = last.engine
    let limit = engine.now + Self.lastBytesMax
    while engine.flushBeforeEnd(), engine.now < limit { engine.waitForSpace() }
    engine.closeAll()
    linkReports.withLock { $0 = [] }
    return last.logic
  }
}

/// Whose turn it is to serve the links: the loop's thread's, or that of one that waits for something.
private final class LoopTurns: Sendable {
  private struct State {
    var isClaimed = false
    /// The loop's thread is out of the way.
    var isParked = false
    var resumes = ContinuousClock.now
  }

  /// Callers come back soon, mostly: so long after one the loop's thread stays out of the way.
  private static var pause: Duration { .milliseconds(1) }

  private let state = Mutex(State())
  private let condition = NSCondition()

  /// - Returns: whether the loop's thread is out of the way; nil when somebody else has claimed.
  func claim() -> Bool? {
    state.withLock { state in
      guard !state.isClaimed else { return nil }
      state.isClaimed = true
      return state.isParked
    }
  }

  /// Claims only where the loop's thread is out of the way.
  func claimIfParked() -> Bool {
    state.withLock { state in
      guard !state.isClaimed, state.isParked else { return false }
      state.isClaimed = true
      return true
    }
  }

  func release(atOnce: Bool) {
    state.withLock { state in
      state.isClaimed = false
      state.resumes = .now + Self.pause
    }
    if atOnce { resume() }
  }

  /// There is something to do for the loop's thread, unless a caller does it.
  func resume() {
    let isMissed = state.withLock { state in
      state.resumes = .now
      return state.isParked && !state.isClaimed
    }
    guard isMissed else { return }
    condition.lock()
    condition.signal()
    condition.unlock()
  }

  /// On the loop's thread: returns when it is its turn.
  func waitForMine() {
    while true {
      let pause = state.withLock { state -> Duration? in
        let now = ContinuousClock.now
        guard state.isClaimed || state.resumes > now else {
          state.isParked = false
          return nil
        }
        state.isParked = true
        return state.isClaimed ? Self.pause : state.resumes - now
      }
      guard let pause else { return }
      condition.lock()
      _ = condition.wait(until: Date(timeIntervalSinceNow: pause / .seconds(1)))
      condition.unlock()
    }
  }
}
