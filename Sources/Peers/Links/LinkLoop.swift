// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation
public import Logging
import Synchronization

/// Runs a peer's logic over real links: one thread, one listener, all sockets.
///
/// The thread that calls `run` is the loop. It waits for sockets and timers, turns what happens into
/// `LinkEvent`s for the logic, and does what the logic answers. Other threads reach the logic through
/// `post` alone.
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

  private struct Parts {
    var logic: Logic
    var listener: Socket
  }

  /// Where this peer listens, with the real port.
  public let address: PeerAddress
  public let id: PeerID
  public let meter: ByteMeter
  private let identity: Identity
  private let settings: LinkSettings
  private let logger: Logger
  private let wakeup: Wakeup
  private let parts: Mutex<Parts?>
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
    parts = Mutex(Parts(logic: logic, listener: listener))
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

  /// Hands work to the loop's thread; it is done in the order of the calls.
  ///
  /// After the loop has ended it is dropped.
  public func post(_ work: @escaping Work) {
    let isFirst = inbox.withLock { inbox in
      inbox.works.append(work)
      return inbox.works.count == 1
    }
    // Whoever put the first there has woken the loop, and it has not looked yet.
    if isFirst { wakeup.wake() }
  }

  /// Ends the loop from any thread: `run` gives what is queued a moment to leave, then returns.
  public func stop() {
    inbox.withLock { $0.stopping = true }
    wakeup.wake()
  }

  /// The links that are up, as of the last heartbeat.
  public var links: [LinkReport] { linkReports.withLock { $0 } }

  /// Runs the loop on the calling thread until `stop`.
  ///
  /// - Precondition: called once.
  /// - Returns: the logic as it is in the end.
  @discardableResult
  public func run() -> Logic {
    guard let parts = parts.withLock({ $0.take() }) else {
      preconditionFailure("a link loop runs once")
    }
    var logic = parts.logic
    let wakeup = wakeup
    let engine = LinkEngine(
      identity: identity, settings: settings, listener: parts.listener, listens: advertised,
      wakeup: wakeup, meter: meter, logger: logger)
    var reportAt = Duration.zero
    func deliver() {
      var linksChanged = false
      while !engine.events.isEmpty {
        let events = engine.events
        engine.events = []
        for event in events {
          switch event {
          case .linked, .unlinked: linksChanged = true
          default: break
          }
          engine.perform(logic.handle(event, at: engine.now))
        }
      }
      if linksChanged || engine.now >= reportAt {
        reportAt = engine.now + settings.heartbeatInterval
        let reports = engine.reports
        linkReports.withLock { $0 = reports }
      }
    }
    engine.updateNow()
    while true {
      let (works, stopping) = inbox.withLock { inbox in
        defer { inbox.works = [] }
        return (inbox.works, inbox.stopping)
      }
      for work in works {
        engine.perform(work(&logic, engine.now))
        deliver()
      }
      if stopping { break }
      engine.turn(deliver: deliver)
    }
    let last = engine.now + Self.lastBytesMax
    while engine.flushBeforeEnd(), engine.now < last { engine.waitForSpace() }
    engine.closeAll()
    linkReports.withLock { $0 = [] }
    return logic
  }

  /// What others are told: an empty host makes them take the address they see.
  private var advertised: PeerAddress {
    if let given = settings.advertised { return given }
    let host = settings.listen.host
    let isWildcard = host.isEmpty || host == "0.0.0.0" || host == "::"
    return PeerAddress(host: isWildcard ? "" : host, port: address.port)
  }
}
