// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation

/// One TCP connection on its way to being a link or a strand of one, or being it. Lives on the
/// thread that serves the links.
final class Connection {
  enum Stage { case connecting, greeting, up }

  /// What was given to `wire`, for the meter: it counts bytes once the socket has them.
  private struct Segment {
    let purpose: Purpose
    var wire: Int
    let payload: Int
  }

  /// A record of the bulk lane that is given on as it comes, its frame's bytes from the socket
  /// straight to their place: one in clear, that needs no check as a whole, and is due.
  private struct BegunRecord {
    let place: RecordHeader.Place
    let purpose: Purpose
    let wire: Int
    var missing: Int
  }

  let token: Int
  let role: LinkRole
  let socket: Socket
  /// How this side came to dial; nil for one that called.
  let dial: Dial?
  /// For messages.
  let place: String
  var stage: Stage
  var deadline: Duration
  var greeting: Greeting
  /// In place of the greeting where this is, or is to be, a strand.
  var strandGreeting: StrandGreeting?
  /// The link it is part of, once up; for a strand that this side dials, at once.
  var link: Link?
  var lastSent: Duration = .zero
  var lastPing: Duration = .zero
  var upSince: Duration = .zero
  /// Why the other side said goodbye.
  var goodbye: String?
  var incoming: ByteQueue
  var wantsWrite = false
  /// The other side has closed it: nothing more comes, and nothing should be sent.
  var hasEnded = false
  /// What the system told of it when the line that long links share was last looked at.
  var pathOnLine: PathReport?
  /// It is among those that the engine flushes next.
  var isMarked = false
  private(set) var sealer: RecordSealer?
  private var opener: RecordOpener?
  private var begun: BegunRecord?
  private var assembler: FrameAssembler
  /// The highest number of a bulk record that came over it.
  private(set) var lastBulkNumber: UInt64?
  private var wire = ByteQueue(capacity: 512)
  /// What goes after `wire`, where nothing is sealed and so nothing need be copied.
  private var bare = SliceQueue()
  private var segments: [Segment] = []
  private var firstSegment = 0
  /// The link's own messages.
  private var control = FrameQueue()
  /// How much has to be there before the socket counts as readable.
  private var bytesAWake = 1
  private let meter: ByteMeter
  private var handshakeSent = 0
  private var handshakeReceived = 0
  private var unattributed = 0

  /// Plain bytes sealed ahead of the socket: more than a call to the system costs, and on a strand
  /// few, as another may be faster.
  private static let wireBytesAhead = 4 * RecordSealer.plainBytesMax
  private static let strandBytesAhead = 2 * RecordSealer.plainBytesMax
  /// A link counts as silent while so much is on its way, so it must not take long.
  private static let bytesAWakeMax = 16 << 10
  private static let linkReadBytesMax = 4 * RecordSealer.plainBytesMax
  /// In clear: enough for many short records and the head of a long one, the rest of which goes
  /// where it belongs.
  private static let headReadBytesMax = 4 << 10
  private static let greetingReadBytesMax = 8192

  init(
    token: Int, role: LinkRole, socket: Socket, dial: Dial?, place: String,
    stage: Stage, deadline: Duration, greeting: Greeting, frameBytesMax: Int, meter: ByteMeter
  ) {
    self.token = token
    self.role = role
    self.socket = socket
    self.dial = dial
    self.place = place
    self.stage = stage
    self.deadline = deadline
    self.greeting = greeting
    self.meter = meter
    assembler = FrameAssembler(frameBytesMax: frameBytesMax)
    incoming = ByteQueue(capacity: Self.greetingReadBytesMax)
  }

  /// Whether any of its greeting was read.
  var hasBegun: Bool { handshakeReceived > 0 }
  var isStrand: Bool { strandGreeting != nil }
  var member: Member? { link?.member }

  /// Whether bytes wait that only this connection can send.
  var hasUnsent: Bool {
    !wire.isEmpty || !bare.isEmpty || !control.isEmpty || !greeting.outgoing.isEmpty
      || strandGreeting?.outgoing.isEmpty == false
  }

  /// Whether the other side has taken nothing for so long, although it should.
  func isStuck(at now: Duration, for limit: Duration) -> Bool {
    isStrand && wantsWrite && now - max(lastSent, lastPing) > limit
  }

  // MARK: Sending

  /// The most plain bytes of a record. On a path through a network what is urgent must not wait for
  /// a long one.
  var recordBytesMax: Int {
    sealer?.kind == .clear && socket.local != nil
      ? RecordSealer.clearBytesMax : RecordSealer.plainBytesMax
  }

  func queue(_ message: ControlMessage) {
    let payload = message.encoded
    control.append(
      FrameHeader(.heartbeat, isControl: true, payloadByteCount: payload.count), payload, after: 0)
  }

  /// Gives the socket what it takes, up to a budget that leaves others their turn.
  ///
  /// - Returns: why the connection is broken, or nil.
  func flush(at now: Duration) -> String? {
    var budget = 8 << 20
    while budget > 0 {
      fillWire()
      if wire.isEmpty, bare.isEmpty {
        wantsWrite = false
        return nil
      }
      switch wire.isEmpty ? bare.drain(to: socket) : wire.drain(to: socket) {
      case .bytes(let count):
        lastSent = now
        budget -= count
        countSent(count)
      case .wouldBlock:
        wantsWrite = true
        return nil
      case .ended: return "closed"
      case .failed(let reason): return reason
      }
    }
    wantsWrite = true
    return nil
  }

  private func fillWire() {
    fillGreeting(&greeting.outgoing)
    if strandGreeting != nil { fillGreeting(&strandGreeting!.outgoing) }
    guard stage == .up, let link else { return }
    let ahead = isStrand ? Self.strandBytesAhead : Self.wireBytesAhead
    while wire.count + bare.count < ahead {
      // Between two frames, not inside one: the link's own messages go first.
      if !control.isEmpty, isStrand || !link.urgent.isInFrame {
        seal(control.next(atMost: RecordSealer.plainBytesMax - RecordHeader.urgentByteCount))
      } else if !isStrand, !link.urgent.isEmpty {
        seal(link.urgent.next(atMost: RecordSealer.plainBytesMax - RecordHeader.urgentByteCount))
      } else if let (piece, place) = link.nextBulk(for: self) {
        seal(piece, place)
      } else {
        return
      }
    }
  }

  private func fillGreeting(_ outgoing: inout [UInt8]) {
    guard !outgoing.isEmpty else { return }
    wire.append(outgoing)
    segments.append(Segment(purpose: .handshake, wire: outgoing.count, payload: 0))
    outgoing = []
  }

  private func seal(_ piece: FrameQueue.Piece, _ place: RecordHeader.Place? = nil) {
    let before = wire.count + bare.count
    var head = RecordHeader(piece.header.purpose, place).encoded
    if piece.isFirst { head += piece.header.encoded }
    if sealer!.kind == .clear {
      bare.append(sealer!.front(head, plainByteCount: head.count + piece.payload.count)[...])
      bare.append(piece.payload)
    } else {
      sealer!.seal(head, piece.payload, into: &wire)
    }
    segments.append(
      Segment(
        purpose: piece.header.purpose, wire: wire.count + bare.count - before,
        payload: piece.header.isControl ? 0 : piece.payload.count))
  }

  private func countSent(_ byteCount: Int) {
    var rest = byteCount
    while rest > 0 {
      let part = min(rest, segments[firstSegment].wire)
      segments[firstSegment].wire -= part
      rest -= part
      let segment = segments[firstSegment]
      let (purpose, payload) = (segment.purpose, segment.wire == 0 ? segment.payload : 0)
      if segment.wire == 0 { firstSegment += 1 }
      let peer = stage == .up ? member?.id : nil
      if peer == nil { handshakeSent += part }
      meter.sent(.init(peer: peer, purpose: purpose), wire: part, payload: payload)
    }
    if firstSegment == segments.count {
      segments.removeAll(keepingCapacity: true)
      firstSegment = 0
    } else if firstSegment > 1024 {
      segments.removeFirst(firstSegment)
      firstSegment = 0
    }
  }

  // MARK: Receiving

  /// Reads once.
  ///
  /// - Returns: what came of it, and whether that was all there is.
  func read() -> (Moved, isAll: Bool) {
    let straight = min(begun?.missing ?? 0, link?.missingBulk ?? 0)
    let others = readBytesMax
    let moved =
      straight > 0
      ? link!.fillBulk(from: socket, atMost: straight, then: &incoming, atMost: others)
      : incoming.fill(from: socket, atMost: others)
    guard case .bytes(let count) = moved else { return (moved, true) }
    unattributed += count
    begun?.missing -= min(count, straight)
    return (moved, count < straight + others)
  }

  /// Bytes read in one go, beside those that go straight to their place.
  private var readBytesMax: Int {
    guard stage == .up, let opener else { return Self.greetingReadBytesMax }
    guard opener.isClear else { return Self.linkReadBytesMax }
    // A record that is not due must be whole before it is put aside.
    return Self.headReadBytesMax + (begun == nil ? RecordOpener.missing(in: incoming) : 0)
  }

  /// Reads the greeting in what has arrived.
  func takeGreeting(standing: (PeerID) -> Greeting.Standing) throws(PeersError)
    -> Greeting.Progress
  {
    let before = incoming.count
    defer { countReceived(.handshake, wire: before - incoming.count) }
    return try greeting.take(&incoming, standing: standing)
  }

  /// Reads the strand's greeting in what has arrived.
  func takeStrandGreeting(
    link: (_ tag: [UInt8], _ index: UInt8) -> StrandKeys?
  ) throws(PeersError) -> StrandGreeting.Progress {
    let before = incoming.count
    defer { countReceived(.handshake, wire: before - incoming.count) }
    return try strandGreeting!.take(&incoming, link: link)
  }

  /// Reads the records in what has arrived.
  ///
  /// - Parameters:
  ///   - control: gets the link's own messages.
  ///   - urgent: gets each whole frame of the urgent lane.
  ///   - bulk: gets each record of the bulk lane, as it came.
  func takeRecords(
    control: ([UInt8]) -> Void, urgent: (FrameHeader, [UInt8]) -> Void,
    bulk: (RecordOrder.Record) throws(PeersError) -> Void
  ) throws(PeersError) {
    repeat {
      try takeBegun(bulk)
      while begun == nil, let record = try opener!.open(&incoming, place: place) {
        let isAll = try take(
          incoming[record.plain], wire: record.wireByteCount, control, urgent, bulk)
        incoming.dropFirst(record.wireByteCount)
        if !isAll { throw damaged("an urgent frame on a strand") }
      }
    } while try begin()
    waitForRest()
  }

  /// Begins with the record at the front, of which a part is here, if it may be taken part by part.
  private func begin() throws(PeersError) -> Bool {
    let front = RecordSealer.headerByteCount
    let head = front + RecordHeader.bulkByteCount
    guard begun == nil, opener!.isClear, incoming.count >= head,
      let length = try opener!.length(incoming, place: place), length > head - front
    else { return false }
    let header = try RecordHeader(incoming[front..<head], at: place)
    guard let position = header.place, link?.isDue(position) == true else { return false }
    incoming.dropFirst(head)
    begun = BegunRecord(
      place: position, purpose: header.purpose, wire: front + length,
      missing: front + length - head)
    return true
  }

  /// Gives on what is here of the record that was begun.
  private func takeBegun(
    _ bulk: (RecordOrder.Record) throws(PeersError) -> Void
  ) throws(PeersError) {
    guard let record = begun else { return }
    let here = min(record.missing, incoming.count)
    let isPart = here < record.missing
    try bulk(
      .init(
        number: record.place.number, after: record.place.after, purpose: record.purpose,
        bytes: incoming[0..<here], isPart: isPart))
    incoming.dropFirst(here)
    begun!.missing -= here
    guard !isPart else { return }
    lastBulkNumber = record.place.number
    countReceived(record.purpose, wire: record.wire)
    begun = nil
  }

  /// Part of a record is of no use: the system need not wake anybody for it. On a network that hands
  /// out packet by packet this saves nine wake-ups in ten.
  private func waitForRest() {
    guard socket.local == nil else { return }
    let wanted = min(begun?.missing ?? RecordOpener.missing(in: incoming), Self.bytesAWakeMax)
    if wanted != bytesAWake {
      bytesAWake = wanted
      socket.wakeOnly(for: wanted)
    }
  }

  /// - Returns: false for what does not belong on this connection.
  private func take(
    _ plain: ArraySlice<UInt8>, wire: Int, _ control: ([UInt8]) -> Void,
    _ urgent: (FrameHeader, [UInt8]) -> Void,
    _ bulk: (RecordOrder.Record) throws(PeersError) -> Void
  ) throws(PeersError) -> Bool {
    let header = try RecordHeader(plain, at: place)
    let bytes = plain.dropFirst(header.byteCount)
    if let position = header.place {
      if let last = lastBulkNumber, position.number <= last {
        throw damaged("bulk record \(position.number) after \(last)")
      }
      lastBulkNumber = position.number
      countReceived(header.purpose, wire: wire)
      try bulk(
        .init(
          number: position.number, after: position.after, purpose: header.purpose, bytes: bytes))
      return true
    }
    var payload = 0
    var isForeign = false
    try assembler.take(bytes, place: place) { frame, whole in
      if frame.isControl { return control(whole) }
      payload += whole.count
      isForeign = isForeign || isStrand
      if !isStrand { urgent(frame, whole) }
    }
    countReceived(header.purpose, wire: wire, payload: payload)
    return !isForeign
  }

  private func damaged(_ what: String) -> PeersError {
    PeersError(
      .damagedFrame, what, place: place,
      remedy: "Install the same release of Ferry on both.")
  }

  private func countReceived(_ purpose: Purpose, wire: Int, payload: Int = 0) {
    guard wire > 0 else { return }
    unattributed -= wire
    let peer = stage == .up ? member?.id : nil
    if peer == nil { handshakeReceived += wire }
    meter.received(.init(peer: peer, purpose: purpose), wire: wire, payload: payload)
  }

  /// A payload of the bulk lane is whole; its wire bytes are counted already.
  func countReceivedPayload(_ purpose: Purpose, _ byteCount: Int) {
    meter.received(.init(peer: member?.id, purpose: purpose), wire: 0, payload: byteCount)
  }

  /// The greeting is done: what it cost belongs to the peer, and frames begin.
  func becomeUp(
    _ link: Link, _ records: (sealer: RecordSealer, opener: RecordOpener), at now: Duration
  ) {
    (sealer, opener) = records
    meter.strangerIs(link.member.id, wireSent: handshakeSent, wireReceived: handshakeReceived)
    self.link = link
    stage = .up
    upSince = now
    lastPing = now
    lastSent = now
  }

  /// Counts what arrived and was never understood.
  func closeAccounts() {
    if unattributed > 0 {
      countReceived(stage == .up ? assembler.purpose : .handshake, wire: unattributed)
    }
  }
}
