// SPDX-License-Identifier: Apache-2.0

// A frame on the wire: a byte with its purpose, four with its payload's length (big-endian), then
// the payload. Bit 7 of the first byte marks the link's own frames, which no logic sees.

/// The link's own messages.
package enum ControlMessage: Equatable, Sendable {
  /// Wants the same number back at once.
  case ping(UInt64)
  case pong(UInt64)
  /// The sender hangs up, and why.
  case goodbye(String)
  /// The sender, who cannot dial, would like so many strands.
  case strands(UInt8)

  package var encoded: [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .ping(let mark):
      bytes.append(1)
      bytes.appendBigEndian(mark)
    case .pong(let mark):
      bytes.append(2)
      bytes.appendBigEndian(mark)
    case .goodbye(let reason):
      bytes.append(3)
      bytes += reason.utf8.prefix(LinkLimits.reasonBytesMax)
    case .strands(let count): bytes += [4, count]
    }
    return bytes
  }

  package init?(_ bytes: [UInt8]) {
    var rest = bytes[...]
    switch rest.popFirst() {
    case 1, 2:
      guard rest.count == 8, let mark: UInt64 = rest.popBigEndian() else { return nil }
      self = bytes[0] == 1 ? .ping(mark) : .pong(mark)
    case 3:
      guard rest.count <= LinkLimits.reasonBytesMax else { return nil }
      // What a stranger wrote goes into logs: one line of plain characters.
      self = .goodbye(
        String(
          String.UnicodeScalarView(
            String(decoding: rest, as: UTF8.self).unicodeScalars.filter { $0.value >= 32 })))
    case 4:
      guard rest.count == 1 else { return nil }
      self = .strands(rest[rest.startIndex])
    default: return nil
    }
  }
}

/// A frame's five bytes of header.
package struct FrameHeader: Equatable, Sendable {
  package let purpose: Purpose
  package let isControl: Bool
  package let payloadByteCount: Int

  package static let byteCount = 5
  private static let controlBit: UInt8 = 0x80
  /// The link's own messages are short.
  package static let controlBytesMax = 1 + LinkLimits.reasonBytesMax

  package init(_ purpose: Purpose, isControl: Bool, payloadByteCount: Int) {
    self.purpose = purpose
    self.isControl = isControl
    self.payloadByteCount = payloadByteCount
  }

  package var encoded: [UInt8] {
    var bytes = [purpose.rawValue | (isControl ? Self.controlBit : 0)]
    bytes.appendBigEndian(UInt32(payloadByteCount))
    return bytes
  }

  /// - Throws: `.damagedFrame` for an unknown purpose, `.frameTooLong` for too long a payload.
  package static func decode(
    _ bytes: [UInt8], frameBytesMax: Int, place: String
  ) throws(PeersError) -> FrameHeader {
    precondition(bytes.count == byteCount, "a header of \(bytes.count) bytes")
    let isControl = bytes[0] & controlBit != 0
    guard let purpose = Purpose(rawValue: bytes[0] & ~controlBit) else {
      throw PeersError(
        .damagedFrame, "a frame of the unknown purpose \(bytes[0])", place: place,
        remedy: "Install the same release of Ferry on both.")
    }
    let length = bytes.dropFirst().reduce(0) { $0 << 8 | Int($1) }
    let most = isControl ? controlBytesMax : frameBytesMax
    guard length <= most else {
      throw PeersError(
        .frameTooLong, "a frame of \(length) bytes, more than \(most)", place: place,
        remedy: "The link is closed; install the same release of Ferry on both.")
    }
    return FrameHeader(purpose, isControl: isControl, payloadByteCount: length)
  }
}

/// Puts frames together from pieces of any size.
package struct FrameAssembler {
  package let frameBytesMax: Int
  private var header: [UInt8] = []
  private var current: FrameHeader?
  private var payload: [UInt8] = []

  package init(frameBytesMax: Int) { self.frameBytesMax = frameBytesMax }

  /// The purpose of the frame that is under way.
  package var purpose: Purpose { current?.purpose ?? .heartbeat }

  /// How much of the frame under way is still to come; 0 between frames.
  package var missing: Int { current.map { $0.payloadByteCount - payload.count } ?? 0 }

  /// Takes bytes of the frame under way from a socket, at most `byteCount` of what is `missing`, and
  /// what comes after them into a queue. A frame that is whole now is given by the next `take`.
  package mutating func fill(
    from socket: Socket, atMost byteCount: Int, then queue: inout ByteQueue, atMost spare: Int
  ) -> Moved {
    precondition(byteCount <= missing, "\(byteCount) bytes of \(missing)")
    var moved = Moved.wouldBlock
    payload.append(addingCapacity: byteCount) { target in
      // SAFETY: the memory has room for `byteCount` bytes, and as many count as were written.
      unsafe target.withUnsafeMutableBufferPointer { space, written in
        let start = unsafe UnsafeMutableRawBufferPointer(
          UnsafeMutableBufferPointer(rebasing: space[0..<byteCount]))
        moved = unsafe queue.fill(from: socket, after: start, atMost: spare)
        if case .bytes(let taken) = moved { written = min(taken, byteCount) }
      }
    }
    return moved
  }

  /// Takes some bytes and gives the frames that they complete, in order.
  ///
  /// - Parameter complete: gets each frame's header and payload.
  package mutating func take(
    _ piece: ArraySlice<UInt8>, place: String, complete: (FrameHeader, [UInt8]) -> Void
  ) throws(PeersError) {
    var at = piece.startIndex
    while true {
      if current == nil {
        let missing = min(FrameHeader.byteCount - header.count, piece.endIndex - at)
        header.append(contentsOf: piece[at..<at + missing])
        at += missing
        guard header.count == FrameHeader.byteCount else { return }
        let read = try FrameHeader.decode(header, frameBytesMax: frameBytesMax, place: place)
        header.removeAll(keepingCapacity: true)
        current = read
        payload = []
        payload.reserveCapacity(read.payloadByteCount)
      }
      guard let open = current else { return }
      let taken = min(open.payloadByteCount - payload.count, piece.endIndex - at)
      payload.append(contentsOf: piece[at..<at + taken])
      at += taken
      guard payload.count == open.payloadByteCount else { return }
      current = nil
      let whole = payload
      payload = []
      complete(open, whole)
      if at == piece.endIndex { return }
    }
  }
}
