// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation
import Logging

/// The strands of links: how many, opened by whom, and what becomes of those that fail.
///
/// The side that dialled a link dials its strands, to the address it reached: the other may stand
/// behind a translator of addresses, where nobody can call. It asks instead.
extension LinkEngine {
  /// What a short path's connection may hold in the kernel from the beginning: 8 ms at 1 Gbit/s.
  private static let shortPathBytes = 1 << 20
  /// What a long path's connection may leave unsent in the kernel.
  private static let unsentBytes = 128 << 10
  /// A link's speed is measured over this time, or four round trips if that is longer.
  static let measureTime = Duration.milliseconds(250)

  /// A link has come up: is its path long?
  func learnPath(_ link: Link) {
    link.measuredAt = now
    guard link.main.socket.local == nil else { return }
    guard let path = link.main.socket.path else {
      link.isPathUnknown = true
      return
    }
    note(path.roundTripMin, on: link)
    if !link.isLong { fitShort(link.main.socket) }
  }

  /// On a short path the kernel's first buffers hold less than what the path carries until a thread that
  /// waits for a processor has its turn: then the line rests, on either side.
  private func fitShort(_ socket: Socket) {
    if settings.socketBufferBytes == nil { socket.beginBuffers(Self.shortPathBytes) }
    // BBR all but stops for 200 ms in every ten seconds, to measure what is known here.
    if socket.congestionControl == "bbr" { socket.useCongestionControl("cubic") }
  }

  private func note(_ roundTrip: Duration, on link: Link) {
    guard !link.isLong, roundTrip >= StrandCount.roundTripMin else { return }
    link.isLong = true
    link.count.learned(roundTrip: roundTrip)
    for connection in link.connections { fit(connection.socket, to: link) }
  }

  /// Sets a connection's socket up for the link's path.
  private func fit(_ socket: Socket, to link: Link) {
    // A strand that is slower than the others must not sit on much of what all wait for.
    guard link.isLong || !link.strands.isEmpty else { return }
    socket.limitUnsent(Self.unsentBytes)
    if link.isLong, let name = settings.congestionControl { socket.useCongestionControl(name) }
  }

  // MARK: How many

  /// Opens, or asks for, what a link lacks, as long as it has bulk to send.
  func tendStrands(_ link: Link) {
    measure(link)
    let isBusy = link.bulk.byteCount >= Link.bulkBytesMin
    let isAsked = link.strandsAsked > link.strands.count + link.strandsOpening
    guard isBusy || isAsked else { return }
    if isBusy, link.isPathUnknown, let trip = link.silence.roundTrip {
      // The system does not say how long the path is; the pings do.
      note(trip, on: link)
    }
    guard link.main.role == .dialler else {
      if link.count.wanted > max(link.strandsWished, link.strands.count) {
        link.strandsWished = link.count.wanted
        link.main.queue(.strands(UInt8(link.count.wanted)))
        mark(link.main)
      }
      return
    }
    while link.strands.count + link.strandsOpening < link.strandsWanted,
      link.strandFailures < LinkLimits.strandFailuresMax
    { openStrand(link) }
  }

  /// When a link that sends is measured next.
  func nextMeasure(_ link: Link) -> Duration {
    link.measuredAt + max(Self.measureTime, (link.silence.roundTrip ?? .zero) * 4)
  }

  private func measure(_ link: Link) {
    let time = now - link.measuredAt
    guard now >= nextMeasure(link) else { return }
    let bytes = link.bulkBytesSent - link.bytesAtMeasure
    let wasBusy = !link.ranDry && !link.bulk.isEmpty
    link.measuredAt = now
    link.bytesAtMeasure = link.bulkBytesSent
    link.ranDry = link.bulk.isEmpty
    guard bytes > 0 else { return }
    let paths = link.carriers.compactMap(\.socket.path)
    let sent = paths.reduce(0) { $0 + $1.segmentsSent }
    let resent = paths.reduce(0) { $0 + $1.segmentsResent }
    if wasBusy {
      // What long links lose that fill a line together, more strands would not save.
      let isAlone = !linked.values.contains { $0 !== link && $0.isLong && !$0.bulk.isEmpty }
      link.count.measured(
        bytes: bytes, over: time, strands: link.strands.count,
        resent: link.isLong && !isAlone ? 0 : max(0, resent - link.resentAtMeasure),
        of: max(0, sent - link.segmentsAtMeasure))
    }
    (link.segmentsAtMeasure, link.resentAtMeasure) = (sent, resent)
  }

  // MARK: Opening

  private func openStrand(_ link: Link) {
    guard let there = link.main.socket.remoteAddress,
      case .success(let found) = SocketAddress.resolve(there, .numeric), let address = found.first,
      case .success(let socket) = Socket.connecting(to: address)
    else {
      link.strandFailures += 1
      return
    }
    let place = link.main.place
    let strand = add(socket, role: .dialler, dial: nil, place: place, expected: nil)
    strand.stage = .connecting
    strand.deadline = now + settings.handshakeMax
    strand.link = link
    strand.strandGreeting = StrandGreeting(
      dialling: link.keys, index: link.nextStrandIndex, nonce: Self.freshNonce(), place: place)
    link.nextStrandIndex &+= 1
    link.strandsOpening += 1
  }

  private static func freshNonce() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<StrandGreeting.nonceByteCount).map { _ in
      UInt8.random(in: .min ... .max, using: &generator)
    }
  }

  func finishConnectingStrand(_ connection: Connection) {
    if let reason = connection.socket.connectionFailure {
      return abandon(connection, .broken(reason.description))
    }
    connection.stage = .greeting
    flush(connection)
  }

  /// Whether a caller's first byte is that of a strand; from then on it is taken for one.
  func callsAsStrand(_ connection: Connection) -> Bool {
    guard connection.role == .listener, !connection.hasBegun,
      connection.incoming.count > 0, connection.incoming[0] == StrandGreeting.magic[0]
    else { return false }
    connection.strandGreeting = StrandGreeting(
      listening: Self.freshNonce(), place: connection.place)
    return true
  }

  func takeStrandGreeting(_ connection: Connection) {
    do throws(PeersError) {
      let progress = try connection.takeStrandGreeting { tag, _ in
        // A link that this side dialled is none that anyone opens strands to.
        let link = linked.values.first { $0.keys.tag == tag && $0.main.role == .listener }
        guard let link, link.strands.count < LinkLimits.strandsMax else { return nil }
        connection.link = link
        return link.keys
      }
      flush(connection)
      guard progress == .up, connections[connection.token] != nil,
        let link = connection.link, let records = connection.strandGreeting?.records()
      else { return }
      guard link.strands.count < LinkLimits.strandsMax else {
        return abandon(connection, .broken("it has its strands already"))
      }
      if connection.role == .dialler { link.strandsOpening -= 1 }
      connection.becomeUp(link, records, at: now)
      link.add(strand: connection)
      fit(connection.socket, to: link)
      logger.debug(
        "a strand is up",
        metadata: ["peer.id": "\(link.member.id)", "strands": "\(link.strands.count)"])
      mark(connection)
      takeRecords(connection)
    } catch {
      abandon(connection, .error(error))
    }
    flushAll()
  }

  /// A strand that never came up ends; the link goes on without it.
  func abandonStrand(_ connection: Connection, _ why: Abandonment) {
    let link = connection.link
    forget(connection)
    if connection.role == .dialler {
      link?.strandsOpening -= 1
      link?.strandFailures += 1
    }
    let reason =
      switch why {
      case .error(let error): error.description
      case .broken(let reason): reason
      case .connectTimeout, .greetingTimeout: "no answer in time"
      }
    logger.info(
      "a strand could not be opened",
      metadata: ["address": "\(connection.place)", "why": "\(reason)"])
  }
}
