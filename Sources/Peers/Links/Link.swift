// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A link that is up: its main connection, the strands beside it, and what both carry.
///
/// Two lanes. *Urgent* frames go over the main connection, in order, before anything bulky. *Bulk*
/// frames (`Purpose.isBulk`) become one stream of numbered records; each strand with room takes the
/// next, so that a fast one carries more than a slow one, without any estimate. While there is no
/// strand the main connection carries them. The receiver puts them back in order (`RecordOrder`).
/// So urgent frames may overtake bulk ones, and nothing else overtakes anything.
final class Link {
  let member: Member
  let main: Connection
  let keys: StrandKeys
  var silence: SilenceDeadline
  /// Where it says it listens.
  var listens: PeerAddress?
  /// Why the other side said goodbye.
  var goodbye: String?

  /// The other side has closed a connection: until then the others may still bring what was sent
  /// before.
  var endsAt: Duration?

  /// The strands that are up.
  private(set) var strands: [Connection] = []
  /// Those on their way.
  var strandsOpening = 0
  /// How many could not be opened; at `LinkLimits.strandFailuresMax` no more are tried.
  var strandFailures = 0
  var nextStrandIndex: UInt8 = 0
  var count: StrandCount
  /// What the other side, who cannot dial, would like.
  var strandsAsked = 0
  /// What this side, if it cannot dial, has asked for.
  var strandsWished = 0
  /// The path's round trip is long: strands, and a short queue in the kernel, are worth it.
  var isLong = false
  /// The system does not tell how long the path is.
  var isPathUnknown = false

  var urgent = FrameQueue()
  private(set) var bulk = FrameQueue()
  private var urgentQueued: UInt64 = 0
  private var bulkSent: UInt64 = 0
  private var order = RecordOrder()
  private var urgentReceived: UInt64 = 0
  private var assembler: FrameAssembler

  /// So much bulk waits before strands are worth a thought.
  static let bulkBytesMin = 128 << 10
  /// Bulk bytes that left, ever; and those at the last measurement.
  private(set) var bulkBytesSent = 0
  var measuredAt: Duration = .zero
  var bytesAtMeasure = 0
  var resentAtMeasure = 0
  var segmentsAtMeasure = 0
  /// Since the last measurement there was a moment when nothing waited.
  var ranDry = true
  /// The same since the last measurement of the line: that which long links share, or a short one's.
  var ranDryOnLine = true
  /// A short path's pace, and when it was measured.
  var pace = LinePace()
  var pacedAt: Duration = .zero

  init(
    _ member: Member, main: Connection, keys: StrandKeys, silence: SilenceDeadline,
    strands: Int?, frameBytesMax: Int
  ) {
    self.member = member
    self.main = main
    self.keys = keys
    self.silence = silence
    count = StrandCount(forced: strands)
    assembler = FrameAssembler(frameBytesMax: frameBytesMax)
  }

  // MARK: Sending

  var queuedByteCount: Int { urgent.byteCount + bulk.byteCount }
  var hasUnsent: Bool {
    queuedByteCount > 0 || main.hasUnsent || strands.contains(where: \.hasUnsent)
  }
  var connections: [Connection] { [main] + strands }
  /// Those that take bulk.
  var carriers: [Connection] { strands.isEmpty ? [main] : strands }

  /// - Returns: whether it is bulk.
  func queue(_ frame: Frame) -> Bool {
    let header = FrameHeader(
      frame.purpose, isControl: false, payloadByteCount: frame.payload.count)
    if frame.purpose.isBulk {
      bulk.append(header, frame.payload, after: urgentQueued)
      return true
    }
    urgentQueued += 1
    urgent.append(header, frame.payload, after: 0)
    return false
  }

  /// The next bytes of the bulk lane, for a connection with room.
  func nextBulk(for connection: Connection) -> (FrameQueue.Piece, RecordHeader.Place)? {
    guard connection.isStrand || strands.isEmpty else { return nil }
    guard !bulk.isEmpty else {
      (ranDry, ranDryOnLine) = (true, true)
      return nil
    }
    let piece = bulk.next(atMost: connection.recordBytesMax - RecordHeader.bulkByteCount)
    let place = RecordHeader.Place(number: bulkSent, after: piece.after)
    bulkSent += 1
    bulkBytesSent += piece.payload.count
    return (piece, place)
  }

  // MARK: Receiving

  /// Urgent frames may be what bulk records wait for.
  func receivedUrgent() { urgentReceived += 1 }

  /// Whether a record may be taken part by part.
  func isDue(_ place: RecordHeader.Place) -> Bool {
    order.isDue(number: place.number, after: place.after, urgentCount: urgentReceived)
  }

  /// How much of the bulk frame under way is still to come.
  var missingBulk: Int { assembler.missing }

  /// Takes bytes of the bulk frame under way straight from the socket: see `FrameAssembler.fill`.
  func fillBulk(
    from socket: Socket, atMost byteCount: Int, then queue: inout ByteQueue, atMost spare: Int
  ) -> Moved {
    assembler.fill(from: socket, atMost: byteCount, then: &queue, atMost: spare)
  }

  /// Takes a record, and gives the frames that it and those held before complete, in order.
  func take(
    _ record: RecordOrder.Record, from connection: Connection,
    complete: (Purpose, [UInt8]) -> Void
  ) throws(PeersError) {
    if record.isPart { return try assemble(record, complete) }
    if try order.admits(record, urgentCount: urgentReceived, place: connection.place) {
      try assemble(record, complete)
      try takeHeld(complete: complete)
    }
  }

  /// Gives the frames that records held so far complete now.
  func takeHeld(complete: (Purpose, [UInt8]) -> Void) throws(PeersError) {
    while let record = order.next(urgentCount: urgentReceived) { try assemble(record, complete) }
  }

  private func assemble(
    _ record: RecordOrder.Record, _ complete: (Purpose, [UInt8]) -> Void
  ) throws(PeersError) {
    var isForeign = false
    try assembler.take(record.bytes, place: main.place) { header, whole in
      guard !header.isControl, header.purpose.isBulk else {
        isForeign = true
        return
      }
      main.countReceivedPayload(header.purpose, whole.count)
      complete(header.purpose, whole)
    }
    if isForeign {
      throw PeersError(
        .damagedFrame, "an urgent frame among the bulk", place: main.place,
        remedy: "Install the same release of Ferry on both.")
    }
  }

  /// Whether a connection should not be read now: it is ahead of others, and what it brought early
  /// fills the memory allowed for that. The one that brings what is due is never among them.
  func rests(_ connection: Connection) -> Bool {
    guard connection.isStrand, order.isCrowded, let last = connection.lastBulkNumber else {
      return false
    }
    return last >= order.expected
  }

  // MARK: Strands

  /// How many it should have, as far as this side and the other know.
  var strandsWanted: Int { min(max(count.wanted, strandsAsked), LinkLimits.strandsMax) }

  /// Whether more strands are wanted than are there or on their way; with nothing to send none is.
  var lacksStrands: Bool {
    bulk.byteCount >= Self.bulkBytesMin && strands.count + strandsOpening < strandsWanted
  }

  func add(strand: Connection) { strands.append(strand) }

  func removeAllStrands() { strands = [] }
}
