// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation

/// One TCP connection on its way to being a link, or being one. Lives on the loop's thread.
final class Connection {
  enum Stage { case connecting, greeting, up }

  /// What was given to `wire`, for the meter: it counts bytes once the socket has them.
  private struct Segment {
    let purpose: Purpose
    var wire: Int
    let payload: Int
  }

  private struct Outgoing {
    let header: FrameHeader
    let payload: [UInt8]
    var offset = 0
    var begun = false
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
  var member: Member?
  var listens: PeerAddress?
  var silence: SilenceDeadline?
  var lastSent: Duration = .zero
  var lastPing: Duration = .zero
  var upSince: Duration = .zero
  /// Why the other side said goodbye.
  var goodbye: String?
  var incoming: ByteQueue
  var wantsWrite = false
  private(set) var sealer: RecordSealer?
  private var opener: RecordOpener?
  private var assembler: FrameAssembler
  private var wire = ByteQueue(capacity: 512)
  private var segments: [Segment] = []
  private var firstSegment = 0
  private var control: [Outgoing] = []
  private var frames: [Outgoing] = []
  private var firstFrame = 0
  private(set) var queuedByteCount = 0
  private let meter: ByteMeter
  private var handshakeSent = 0
  private var handshakeReceived = 0
  private var unattributed = 0

  /// Plain bytes sealed ahead of the socket.
  private static let wireBytesAhead = 8 * RecordSealer.plainBytesMax
  private static let linkReadBytesMax = 8 * RecordSealer.plainBytesMax
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

  var hasUnsent: Bool {
    !wire.isEmpty || !control.isEmpty || firstFrame < frames.count || !greeting.outgoing.isEmpty
  }

  // MARK: Sending

  func queue(_ frame: Frame) {
    frames.append(
      Outgoing(
        header: FrameHeader(
          frame.purpose, isControl: false, payloadByteCount: frame.payload.count),
        payload: frame.payload))
    queuedByteCount += frame.payload.count + FrameHeader.byteCount
  }

  func queue(_ message: ControlMessage) {
    let payload = message.encoded
    control.append(
      Outgoing(
        header: FrameHeader(.heartbeat, isControl: true, payloadByteCount: payload.count),
        payload: payload))
  }

  /// Gives the socket what it takes, up to a budget that leaves others their turn.
  ///
  /// - Returns: why the connection is broken, or nil.
  func flush(at now: Duration) -> String? {
    var budget = 8 << 20
    while budget > 0 {
      fillWire()
      if wire.isEmpty {
        wantsWrite = false
        return nil
      }
      switch wire.drain(to: socket) {
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
    if !greeting.outgoing.isEmpty {
      wire.append(greeting.outgoing)
      segments.append(Segment(purpose: .handshake, wire: greeting.outgoing.count, payload: 0))
      greeting.outgoing = []
    }
    guard stage == .up else { return }
    while wire.count < Self.wireBytesAhead {
      // Between two frames of the logic, not inside one: the link's own go first.
      let inFrame = firstFrame < frames.count && frames[firstFrame].begun
      if !inFrame, !control.isEmpty {
        var next = control.removeFirst()
        while seal(&next) {}
      } else if firstFrame < frames.count {
        if !seal(&frames[firstFrame]) {
          queuedByteCount -= frames[firstFrame].payload.count + FrameHeader.byteCount
          firstFrame += 1
          dropSentFrames()
        }
      } else {
        return
      }
    }
  }

  private func dropSentFrames() {
    // The sent frames' payloads go at once; their places when they are most of the array.
    if firstFrame == frames.count {
      frames.removeAll(keepingCapacity: frames.capacity < 1024)
      firstFrame = 0
    } else if firstFrame > 64, firstFrame > frames.count / 2 {
      frames.removeFirst(firstFrame)
      firstFrame = 0
    }
  }

  /// Seals the next record of a frame; false when that was the last.
  private func seal(_ frame: inout Outgoing) -> Bool {
    let before = wire.count
    let length: Int
    if frame.begun {
      length = min(frame.payload.count - frame.offset, RecordSealer.plainBytesMax)
      sealer!.seal(frame.payload[frame.offset..<frame.offset + length], into: &wire)
    } else {
      length = min(frame.payload.count, RecordSealer.plainBytesMax - FrameHeader.byteCount)
      var plain = frame.header.encoded
      plain.reserveCapacity(FrameHeader.byteCount + length)
      plain += frame.payload[..<length]
      sealer!.seal(plain[...], into: &wire)
      frame.begun = true
    }
    frame.offset += length
    segments.append(
      Segment(
        purpose: frame.header.purpose, wire: wire.count - before,
        payload: frame.header.isControl ? 0 : length))
    return frame.offset < frame.payload.count
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
      if member == nil { handshakeSent += part }
      meter.sent(.init(peer: member?.id, purpose: purpose), wire: part, payload: payload)
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

  /// Bytes read in one go.
  var readBytesMax: Int { stage == .up ? Self.linkReadBytesMax : Self.greetingReadBytesMax }

  /// Reads once.
  func read() -> Moved {
    let moved = incoming.fill(from: socket, atMost: readBytesMax)
    if case .bytes(let count) = moved { unattributed += count }
    return moved
  }

  /// Reads the greeting in what has arrived.
  func takeGreeting(standing: (PeerID) -> Greeting.Standing) throws(PeersError)
    -> Greeting.Progress
  {
    let before = incoming.count
    defer { countReceived(.handshake, wire: before - incoming.count) }
    return try greeting.take(&incoming, standing: standing)
  }

  /// Reads the frames in what has arrived.
  func takeFrames(complete: (FrameHeader, [UInt8]) -> Void) throws(PeersError) {
    while let record = try opener!.open(&incoming, place: place) {
      // A record holds bytes of one frame, or the end of it and its header.
      var purpose: Purpose?
      var payload = 0
      try assembler.take(record.plain, place: place) { header, whole in
        purpose = header.purpose
        if !header.isControl { payload += whole.count }
        complete(header, whole)
      }
      countReceived(
        purpose ?? assembler.purpose, wire: record.wireByteCount, payload: payload)
    }
  }

  private func countReceived(_ purpose: Purpose, wire: Int, payload: Int = 0) {
    guard wire > 0 else { return }
    unattributed -= wire
    if member == nil { handshakeReceived += wire }
    meter.received(.init(peer: member?.id, purpose: purpose), wire: wire, payload: payload)
  }

  /// The greeting is done: what it cost belongs to the peer, and frames begin.
  func becomeLink(_ member: Member, silence: SilenceDeadline, at now: Duration) {
    let records = greeting.records()
    (sealer, opener) = (records.sealer, records.opener)
    meter.strangerIs(member.id, wireSent: handshakeSent, wireReceived: handshakeReceived)
    self.member = member
    self.silence = silence
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
