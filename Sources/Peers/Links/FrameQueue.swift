// SPDX-License-Identifier: Apache-2.0

/// Frames of one lane that wait to be sent, in order, handed out in the pieces that records hold.
struct FrameQueue {
  /// Part of one frame.
  struct Piece {
    let header: FrameHeader
    /// Whether the frame begins here, so that its header goes in front.
    let isFirst: Bool
    let isLast: Bool
    let payload: ArraySlice<UInt8>
    /// How many urgent frames were queued before this frame.
    let after: UInt64
  }

  private struct Waiting {
    let header: FrameHeader
    let payload: [UInt8]
    let after: UInt64
  }

  private var frames: [Waiting] = []
  private var first = 0
  /// How much of the first frame is gone; nil before its header is.
  private var offset: Int?
  /// Bytes that wait, headers included.
  private(set) var byteCount = 0

  var isEmpty: Bool { first == frames.count }
  /// Whether the next piece continues a frame.
  var isInFrame: Bool { offset != nil }

  mutating func append(_ header: FrameHeader, _ payload: [UInt8], after: UInt64) {
    frames.append(Waiting(header: header, payload: payload, after: after))
    byteCount += FrameHeader.byteCount + payload.count
  }

  /// Takes the next piece, of at most `byteCountMax` bytes with its header.
  ///
  /// - Precondition: not empty; `byteCountMax` is more than a header's bytes.
  mutating func next(atMost byteCountMax: Int) -> Piece {
    let frame = frames[first]
    let start = offset ?? 0
    let room = byteCountMax - (offset == nil ? FrameHeader.byteCount : 0)
    let end = min(frame.payload.count, start + room)
    let piece = Piece(
      header: frame.header, isFirst: offset == nil, isLast: end == frame.payload.count,
      payload: frame.payload[start..<end], after: frame.after)
    byteCount -= end - start + (offset == nil ? FrameHeader.byteCount : 0)
    offset = piece.isLast ? nil : end
    if piece.isLast {
      first += 1
      dropSent()
    }
    return piece
  }

  /// Sent payloads are let go of soon; their places when they are most of the array.
  private mutating func dropSent() {
    if first == frames.count {
      frames.removeAll(keepingCapacity: frames.capacity < 1024)
      first = 0
    } else if first > 16, first > frames.count / 2 {
      frames.removeFirst(first)
      first = 0
    }
  }
}
