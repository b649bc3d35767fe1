// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// Bytes between a socket and us: appended at the end, taken from the front, in one piece of memory
/// that grows to what was once needed and stays.
package struct ByteQueue {
  private var bytes: [UInt8]
  private var start = 0
  private var end = 0

  package init(capacity: Int) { bytes = [UInt8](repeating: 0, count: capacity) }

  package var count: Int { end - start }
  package var isEmpty: Bool { start == end }

  /// The byte at a distance from the front.
  package subscript(offset: Int) -> UInt8 {
    precondition((0..<count).contains(offset), "byte \(offset) of \(count)")
    return bytes[start + offset]
  }

  /// The bytes at these distances from the front, without a copy: let go of them before the queue
  /// changes, or it copies itself.
  package subscript(range: Range<Int>) -> ArraySlice<UInt8> {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "bytes \(range) of \(count)")
    return bytes[start + range.lowerBound..<start + range.upperBound]
  }

  package mutating func dropFirst(_ byteCount: Int) {
    precondition((0...count).contains(byteCount), "\(byteCount) bytes dropped of \(count)")
    start += byteCount
    if start == end { (start, end) = (0, 0) }
  }

  /// Makes room for `byteCount` more at the end.
  private mutating func reserve(_ byteCount: Int) {
    if end + byteCount <= bytes.count { return }
    if count + byteCount <= bytes.count {
      let (from, length) = (start, count)
      // SAFETY: source and target lie in the same array and memmove allows them to overlap.
      unsafe bytes.withUnsafeMutableBytes {
        guard let base = $0.baseAddress else { return }
        unsafe base.copyMemory(from: base + from, byteCount: length)
      }
    } else {
      var larger = [UInt8]()
      larger.reserveCapacity(max(2 * bytes.count, count + byteCount))
      larger += bytes[start..<end]
      larger += repeatElement(0, count: larger.capacity - larger.count)
      bytes = larger
    }
    (start, end) = (0, count)
  }

  package mutating func append(_ more: borrowing some ContiguousBytes) {
    // SAFETY: `reserve` made room for exactly these bytes; both ends are borrowed for the copy.
    unsafe more.withUnsafeBytes { source in
      reserve(source.count)
      guard let from = source.baseAddress else { return }
      let at = end
      unsafe bytes.withUnsafeMutableBytes {
        unsafe ($0.baseAddress! + at).copyMemory(from: from, byteCount: source.count)
      }
      end += source.count
    }
  }

  /// Appends two runs of bytes and leaves room for `spare` after them, which counts as appended.
  mutating func append(_ head: [UInt8], _ body: ArraySlice<UInt8>, spare: Int) {
    reserve(head.count + body.count + spare)
    append(head)
    append(body)
    end += spare
  }

  /// Seals the last bytes where they lie: `byteCount` of them, and then the room for the tag.
  ///
  /// - Returns: false when the cipher fails.
  mutating func sealLast(
    _ byteCount: Int, tag tagByteCount: Int, with cipher: InPlaceCipher, nonce: [UInt8]
  ) -> Bool {
    let range = end - tagByteCount - byteCount..<end
    precondition(range.lowerBound >= start, "\(byteCount) bytes sealed of \(count)")
    // SAFETY: the range lies in the array; the cipher writes to it alone.
    return unsafe bytes.withUnsafeMutableBytes {
      unsafe cipher.seal(UnsafeMutableRawBufferPointer(rebasing: $0[range]), nonce: nonce)
    }
  }

  /// Opens the bytes at these distances from the front, tag included, where they lie.
  ///
  /// - Returns: false when their tag does not fit; they are lost then.
  mutating func open(
    _ range: Range<Int>, with cipher: InPlaceCipher, nonce: [UInt8]
  ) -> Bool {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "bytes \(range) of \(count)")
    let place = start + range.lowerBound..<start + range.upperBound
    // SAFETY: as for `sealLast`.
    return unsafe bytes.withUnsafeMutableBytes {
      unsafe cipher.open(UnsafeMutableRawBufferPointer(rebasing: $0[place]), nonce: nonce)
    }
  }

  /// Puts other bytes in the place of those at a distance from the front.
  mutating func replace(at offset: Int, with other: borrowing some ContiguousBytes) {
    // SAFETY: the target's bytes are there, checked; both ends are borrowed for the copy.
    unsafe other.withUnsafeBytes { source in
      precondition(offset >= 0 && offset + source.count <= count, "replaced beyond \(count)")
      guard let from = source.baseAddress else { return }
      let at = start + offset
      unsafe bytes.withUnsafeMutableBytes {
        unsafe ($0.baseAddress! + at).copyMemory(from: from, byteCount: source.count)
      }
    }
  }

  /// Takes what the socket has, at most `byteCountMax`.
  package mutating func fill(from socket: Socket, atMost byteCountMax: Int) -> Moved {
    reserve(byteCountMax)
    let at = end
    // SAFETY: the array has `byteCountMax` bytes after `end`.
    let moved = unsafe bytes.withUnsafeMutableBytes {
      unsafe socket.take(into: UnsafeMutableRawBufferPointer(rebasing: $0[at..<at + byteCountMax]))
    }
    if case .bytes(let taken) = moved { end += taken }
    return moved
  }

  /// Takes what the socket has: first as much as fits into memory of the caller's, then at most
  /// `byteCountMax` more to the end.
  ///
  /// - Returns: how much came in all.
  mutating func fill(
    from socket: Socket, after first: UnsafeMutableRawBufferPointer, atMost byteCountMax: Int
  ) -> Moved {
    reserve(byteCountMax)
    let at = end
    // SAFETY: as for `fill`; both runs are borrowed for the call.
    let moved = unsafe bytes.withUnsafeMutableBytes {
      unsafe socket.take(
        into: first, UnsafeMutableRawBufferPointer(rebasing: $0[at..<at + byteCountMax]))
    }
    if case .bytes(let taken) = moved { end += max(0, taken - first.count) }
    return moved
  }

  /// Gives the socket what it will take.
  package mutating func drain(to socket: Socket) -> Moved {
    let range = start..<end
    // SAFETY: the range lies in the array.
    let moved = unsafe bytes.withUnsafeBytes {
      unsafe socket.give(UnsafeRawBufferPointer(rebasing: $0[range]))
    }
    if case .bytes(let given) = moved { dropFirst(given) }
    return moved
  }
}
