// SPDX-License-Identifier: Apache-2.0

import Crypto
import FerryBasics
import Foundation
import Logging

/// The sockets of one peer and what becomes of them: everything `LinkLoop` does but its thread.
///
/// Used by one thread at a time, the one that serves the links. What happens turns into events, which the loop hands to the
/// logic; the logic's actions come back through `perform`.
final class LinkEngine {
  /// A link that dropped, while its peer is looked for.
  struct Lost {
    let member: Member
    let address: PeerAddress
    let reason: String
    let deadline: Duration
    var retryAt: Duration?
  }

  let settings: LinkSettings
  let own: Greeting.Own
  let meter: ByteMeter
  let logger: Logger
  let names = NameLookups()
  /// For all, and the door for peers on this machine.
  private let listeners: [Socket]
  private let wakeup: Wakeup
  private let start = ContinuousClock.now
  private var readiness = Readiness()
  private var nextToken = 0
  private var serial: UInt64 = 0
  private var wakeAt: Duration?
  var connections: [Int: Connection] = [:] {
    didSet { (ordered, isDueStale) = (nil, true) }
  }
  /// The connections by token; nil when they have changed.
  private var ordered: [Connection]?
  var linked: [PeerID: Link] = [:] { didSet { isDueStale = true } }
  var lost: [PeerID: Lost] = [:] { didSet { isDueStale = true } }
  var resolving: [PeerAddress: Dial] = [:] { didSet { isDueStale = true } }
  /// Addresses by which a peer was once reached, other than the one it gives.
  var aliases: [PeerAddress: PeerID] = [:]
  var events: [LinkEvent] = []
  /// What this machine's line carries, as far as long links lose by sharing it.
  var line = LineShare()
  var lineMeasuredAt = Duration.zero
  /// So many links have been given their share of it; nil where shares are to be given anew.
  var sharing: Int?
  private var unflushed: [Connection] = []
  /// When something is due at the earliest: what moves the time back leaves it as it is.
  private var due: Duration?
  private var isDueStale = true
  private(set) var now = Duration.zero

  /// A probe that was cut off is repeated after this long.
  static let probeRetry = Duration.milliseconds(20)
  /// A turn that comes later than this was not the network's fault.
  static let pauseMin = Duration.milliseconds(250)
  private static let aliasesMax = 1024
  /// A strand is pinged so many times more seldom than a link.
  private static let strandPings = 60

  init(
    identity: Identity, settings: LinkSettings, listener: Socket, listens: PeerAddress,
    wakeup: Wakeup, meter: ByteMeter, logger: Logger
  ) {
    self.settings = settings
    let local =
      settings.usesLocalSockets
      ? Socket.localListener(beside: listener, backlog: settings.handshakesMax) : nil
    listeners = [listener, local].compactMap(\.self)
    self.wakeup = wakeup
    self.meter = meter
    self.logger = logger
    var own = Greeting.Own(
      identity: identity,
      noiseKey: Array(Curve25519.KeyAgreement.PrivateKey().rawRepresentation),
      run: settings.run, admission: settings.admission, incarnation: settings.incarnation,
      listens: listens, wantsClear: settings.sealing == .clear, hasAES: settings.hasAES)
    own.version = settings.protocolVersion
    self.own = own
  }

  /// Something may be due sooner than was thought.
  func dueChanged() { isDueStale = true }

  func updateNow() { now = start.duration(to: .now) }

  // MARK: A turn of the loop

  /// Waits for something to happen, then sees to it; `deliver` empties `events`.
  func turn(deliver: () -> Void) {
    if isDueStale {
      due = nextDeadline
      isDueStale = false
    }
    let begun = now
    updateNow()
    let blocked = now - begun
    readiness.removeAll()
    readiness.add(wakeup.readEnd, writes: false)
    for listener in listeners { readiness.add(listener.descriptor, writes: false) }
    let before = 1 + listeners.count
    let polled = inOrder
    for connection in polled {
      readiness.add(
        connection.socket.descriptor,
        reads: connection.stage != .connecting && !connection.hasEnded
          && connection.link?.rests(connection) != true,
        writes: connection.stage == .connecting || connection.wantsWrite)
    }
    let timeout = max(.zero, (due ?? now + .seconds(60)) - now)
    let expected = now + timeout
    readiness.wait(timeout)
    updateNow()
    forgive((blocked > Self.pauseMin ? blocked : .zero) + max(.zero, now - expected))

    if readiness.isReadable(0) { wakeup.clear() }
    if !resolving.isEmpty {
      for (address, answer) in names.takeAnswers() { takeName(address, answer) }
    }
    for (i, listener) in listeners.enumerated() where readiness.isReadable(i + 1) {
      acceptCallers(at: listener)
    }
    for (i, connection) in polled.enumerated() where connections[connection.token] != nil {
      if connection.stage == .connecting {
        if readiness.isWritable(i + before) { finishConnecting(connection) }
      } else {
        if readiness.isWritable(i + before), connection.wantsWrite { flush(connection) }
        if connections[connection.token] != nil, readiness.isReadable(i + before) {
          read(connection)
        }
      }
      deliver()
    }
    if isDueStale || due.map({ now >= $0 }) ?? false {
      expire()
      deliver()
      isDueStale = true
    }
  }

  /// By token, so that all peers see to theirs in the order in which they came.
  private var inOrder: [Connection] {
    if let ordered { return ordered }
    let sorted = connections.values.sorted { $0.token < $1.token }
    ordered = sorted
    return sorted
  }

  /// Silence while this process did not run is not the peers'.
  private func forgive(_ pause: Duration) {
    guard pause > Self.pauseMin else { return }
    logger.debug("the loop did not run", metadata: ["pause": "\(pause)"])
    for link in linked.values { link.silence.forgive(pause, now: now) }
  }

  private var nextDeadline: Duration? {
    var soonest = wakeAt
    func consider(_ time: Duration) { soonest = min(soonest ?? time, time) }
    for connection in connections.values {
      consider(connection.stage == .up ? nextPing(connection) : connection.deadline)
    }
    for link in linked.values {
      consider(link.silence.expires)
      if let end = link.endsAt { consider(end) }
      if !link.bulk.isEmpty {
        consider(nextMeasure(link))
        if let next = nextPace(link) { consider(next) }
      }
    }
    for entry in lost.values { consider(min(entry.deadline, entry.retryAt ?? entry.deadline)) }
    for dial in resolving.values { consider(dial.deadline) }
    return soonest
  }

  /// On an idle link a heartbeat after its last bytes; on a busy one every fourth, for its measure.
  /// On a strand seldom, so that no box on the way forgets it.
  private func nextPing(_ connection: Connection) -> Duration {
    let interval = settings.heartbeatInterval * (connection.isStrand ? Self.strandPings : 1)
    return max(
      connection.lastPing + interval,
      min(connection.lastSent, connection.lastPing + interval * 3) + interval)
  }

  private func expire() {
    for connection in inOrder where connections[connection.token] != nil {
      if connection.stage == .up {
        guard let link = connection.link else { continue }
        if !connection.isStrand, now >= link.silence.expires {
          endLink(link, .silent(after: now - link.silence.lastHeard))
        } else if connection.isStuck(at: now, for: settings.silenceMax) {
          endLink(link, .silent(after: now - connection.lastSent))
        } else if now >= nextPing(connection) {
          connection.lastPing = now
          connection.queue(.ping(stamp(now)))
          mark(connection)
        }
      } else if now >= connection.deadline {
        abandon(
          connection,
          connection.stage == .connecting ? .connectTimeout : .greetingTimeout)
      }
    }
    for link in linked.values {
      if let end = link.endsAt, now >= end { broken(link.main, Self.closed) }
    }
    for link in linked.values {
      tendStrands(link)
      measurePace(link)
    }
    measureLine()
    for (address, dial) in resolving.sorted(by: { $0.key.description < $1.key.description })
    where now >= dial.deadline {
      resolving[address] = nil
      dialFailed(dial, .closed("no answer from the name servers"))
    }
    for (peer, entry) in lost.sorted(by: { $0.key < $1.key }) {
      if now >= entry.deadline {
        settleLost(peer, .closed(entry.reason))
      } else if let retryAt = entry.retryAt, now >= retryAt {
        lost[peer]?.retryAt = nil
        dial(entry.address, .probe(peer))
      }
    }
    if let wakeAt, now >= wakeAt {
      self.wakeAt = nil
      events.append(.woke)
    }
    flushAll()
  }

  // MARK: Actions

  func perform(_ actions: [LinkAction]) {
    for action in actions {
      switch action {
      case .send(let peer, let frame):
        precondition(
          frame.payload.count <= settings.frameBytesMax,
          "a frame of \(frame.payload.count) bytes, more than \(settings.frameBytesMax)")
        guard let link = linked[peer] else { continue }
        if link.queue(frame) {
          for connection in link.carriers { mark(connection) }
          if link.lacksStrands { tendStrands(link) }
        } else {
          mark(link.main)
        }
        if link.queuedByteCount > settings.queueBytesMax {
          // What the sockets take now does not count.
          for connection in link.connections { flush(connection) }
          if linked[peer] === link, link.queuedByteCount > settings.queueBytesMax {
            endLink(
              link, .hungUp("more than \(settings.queueBytesMax) bytes wait to be sent to it"))
          }
        }
      case .dial(let address):
        if !isReachedOrBeing(address) { dial(address, .asked) }
      case .hangUp(let peer, let reason):
        if let link = linked[peer] {
          endLink(link, .hungUp(reason))
        } else if lost[peer] != nil {
          settleLost(peer, .hungUp(reason))
        }
      case .wake(let time):
        wakeAt = time
        due = min(due ?? time, time)
      }
    }
    flushAll()
  }

  /// Every byte that waits has its chance before the loop ends; true while some still wait.
  func flushBeforeEnd() -> Bool {
    for connection in connections.values where connection.stage == .up { flush(connection) }
    return hasUnsent
  }

  var hasUnsent: Bool { linked.values.contains(where: \.hasUnsent) }

  /// Waits a little for a socket to take more.
  func waitForSpace() {
    readiness.removeAll()
    for connection in connections.values where connection.wantsWrite {
      readiness.add(connection.socket.descriptor, reads: false, writes: true)
    }
    readiness.wait(.milliseconds(50))
    updateNow()
  }

  /// Ends the loop's waiting, from any thread.
  var wake: @Sendable () -> Void {
    let wakeup = wakeup
    return { wakeup.wake() }
  }

  func closeAll() {
    // First, so that whoever looks for this peer when its link drops is refused: it is gone.
    for listener in listeners { listener.stopListening() }
    for connection in connections.values {
      connection.socket.finishSending()
      connection.closeAccounts()
      connection.link = nil
    }
    for link in linked.values { link.removeAllStrands() }
    connections = [:]
    linked = [:]
  }

  // MARK: Connections

  /// Something waits to be sent on the connection: `flushAll` sees to it.
  func mark(_ connection: Connection) {
    guard !connection.isMarked else { return }
    connection.isMarked = true
    unflushed.append(connection)
  }

  func flushAll() {
    while !unflushed.isEmpty {
      let marked = unflushed
      unflushed = []
      for connection in marked {
        connection.isMarked = false
        if connections[connection.token] === connection { flush(connection) }
      }
    }
    shareLine()
  }

  func flush(_ connection: Connection) {
    guard connection.stage != .connecting, !connection.hasEnded else { return }
    if let reason = connection.flush(at: now) { broken(connection, reason) }
  }

  private func acceptCallers(at listener: Socket) {
    while let socket = listener.accepted() {
      let place = socket.remoteAddress?.description ?? "a caller"
      let greeting = connections.values.count { $0.stage != .up }
      guard greeting < settings.handshakesMax, linked.count < settings.linksMax else {
        logger.info("a caller was turned away: too many", metadata: ["address": "\(place)"])
        continue
      }
      add(socket, role: .listener, dial: nil, place: place, expected: nil)
    }
  }

  @discardableResult
  func add(
    _ socket: Socket, role: LinkRole, dial: Dial?, place: String, expected: PeerID?
  ) -> Connection {
    if let byteCount = settings.socketBufferBytes { socket.fixBuffers(byteCount) }
    let connection = Connection(
      token: nextToken, role: role, socket: socket, dial: dial, place: place,
      stage: dial == nil ? .greeting : .connecting,
      deadline: dial?.deadline ?? now + settings.handshakeMax,
      greeting: Greeting(
        role: role, own: own, place: place, expected: expected,
        ephemeral: Array(Curve25519.KeyAgreement.PrivateKey().rawRepresentation)),
      frameBytesMax: settings.frameBytesMax, meter: meter)
    nextToken += 1
    connections[connection.token] = connection
    return connection
  }

  private func read(_ connection: Connection) {
    // Reported though nobody asked: both directions are closed by now.
    if connection.hasEnded { return broken(connection, Self.closed) }
    // A budget, so that one fast link does not keep the others waiting.
    for _ in 0..<8 {
      let (moved, isAll) = connection.read()
      switch moved {
      case .bytes:
        if connection.stage == .up {
          connection.link?.silence.heard(at: now)
          takeRecords(connection)
        } else if connection.isStrand || callsAsStrand(connection) {
          takeStrandGreeting(connection)
        } else {
          takeGreeting(connection)
        }
        // Fewer than asked for: that was all there is, and `poll` tells when more comes.
        if connections[connection.token] == nil || isAll { return }
        if connection.link?.rests(connection) == true { return }
      case .wouldBlock: return
      case .ended: return ended(connection)
      case .failed(let reason): return broken(connection, reason)
      }
    }
  }

  private func takeGreeting(_ connection: Connection) {
    do throws(PeersError) {
      var progress = try connection.takeGreeting { peer in standing(peer, besides: connection) }
      if progress == .decisionNeeded {
        try connection.greeting.decide(go: wants(connection))
        progress = .up
      }
      if progress == .up {
        linkUp(connection)
        takeRecords(connection)
      } else {
        mark(connection)
      }
    } catch {
      abandon(connection, .error(error))
    }
    flushAll()
  }

  private func standing(_ peer: PeerID, besides this: Connection) -> Greeting.Standing {
    serial += 1
    let holdsAnother =
      linked[peer] != nil
      || connections.values.contains {
        $0 !== this && !$0.isStrand && $0.stage == .greeting && $0.greeting.peer == peer
      }
    return Greeting.Standing(holdsAnother: holdsAnother, serial: serial)
  }

  /// Whether this connection becomes the link to its peer; asked on the deciding side only.
  ///
  /// A second connection from the same life of a peer is refused, unless it was opened later than
  /// the link and its peer has no other: then the link is dead on that side.
  private func wants(_ connection: Connection) -> Bool {
    guard let peer = connection.greeting.peer, let hello = connection.greeting.hello else {
      preconditionFailure("a decision about a stranger")
    }
    guard let old = linked[peer], let oldHello = old.main.greeting.hello else { return true }
    if oldHello.incarnation != hello.incarnation { return true }
    return hello.serial > oldHello.serial && !hello.holdsAnother
  }

  func takeRecords(_ connection: Connection) {
    guard let link = connection.link else { return }
    let member = link.member
    func complete(_ purpose: Purpose, _ payload: [UInt8]) {
      events.append(.received(member, Frame(purpose, payload)))
    }
    do throws(PeersError) {
      var hasUrgent = false
      try connection.takeRecords(
        control: { takeControl($0, connection, link) },
        urgent: { header, payload in
          complete(header.purpose, payload)
          link.receivedUrgent()
          hasUrgent = true
        },
        bulk: { record throws(PeersError) in
          try link.take(record, from: connection, complete: complete)
        })
      if hasUrgent { try link.takeHeld(complete: complete) }
    } catch {
      logger.info("a link was hung up", metadata: ["peer.id": "\(member.id)", "why": "\(error)"])
      endLink(link, .hungUp(error.description))
    }
  }

  private func takeControl(_ payload: [UInt8], _ connection: Connection, _ link: Link) {
    switch ControlMessage(payload) {
    case .ping(let stamp):
      connection.queue(.pong(stamp))
      mark(connection)
    case .pong(let stamp):
      let trip = Duration.nanoseconds(Int64(clamping: self.stamp(now) &- stamp))
      if trip >= .zero, trip < settings.silenceMax * 4, !connection.isStrand {
        link.silence.measured(roundTrip: trip)
      }
    case .goodbye(let reason): link.goodbye = reason
    case .strands(let count):
      link.strandsAsked = Int(count)
      tendStrands(link)
    case nil: break
    }
  }

  func stamp(_ time: Duration) -> UInt64 {
    let parts = time.components
    return UInt64(parts.seconds) * 1_000_000_000 + UInt64(parts.attoseconds / 1_000_000_000)
  }

  func rememberAlias(_ address: PeerAddress, of peer: PeerID) {
    if aliases.count >= Self.aliasesMax { aliases = [:] }
    aliases[address] = peer
  }

  var reports: [LinkReport] {
    linked.values.map { link in
      LinkReport(
        member: link.member, address: link.listens, roundTrip: link.silence.roundTrip,
        silenceAllowed: link.silence.allowed,
        cipher: link.main.sealer?.kind.rawValue ?? "", since: link.main.upSince,
        strands: link.strands.count)
    }.sorted { $0.member < $1.member }
  }
}
