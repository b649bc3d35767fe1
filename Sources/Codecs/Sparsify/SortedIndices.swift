// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Ascending indices below a limit, in about 2 + log₂(limit / count) bits each: a number of bytes
/// that depends on the two counts alone.
///
/// Each index is cut in two. The lower `lowBits` lie one after the other, bit by bit from the least;
/// the upper parts lie in a row of bits where the `i`-th index with upper part `u` sets bit `u + i`.
/// Both rows begin at a byte, and bits after their ends are 0. Within half a bit an index of what
/// any code of that length can do, where a list of 32-bit indices takes 32.
///
/// - Note: Elias 1974; Fano 1971.
package struct SortedIndices {
  /// How many there are.
  package let count: Int
  /// Each is below it.
  package let limit: Int
  /// Bits of each index that lie in the first row.
  package let lowBits: Int

  package init(count: Int, below limit: Int) {
    precondition(count >= 0 && count <= limit && limit <= Int(UInt32.max), "\(count) of \(limit)")
    self.count = count
    self.limit = limit
    lowBits = count == 0 ? 0 : (limit / count).bitWidth - 1 - (limit / count).leadingZeroBitCount
  }

  private var lowByteCount: Int { (count * lowBits + 7) / 8 }
  private var highBitCount: Int { count == 0 ? 0 : (limit - 1) >> lowBits + count }

  /// The bytes they take.
  package var byteCount: Int { lowByteCount + (highBitCount + 7) / 8 }

  /// Writes the indices, ascending and below the limit, into the first `byteCount` of the bytes.
  package func encode(_ indices: Span<UInt32>, into bytes: inout MutableSpan<UInt8>) {
    precondition(indices.count == count && bytes.count >= byteCount, "\(indices.count) indices")
    for at in 0..<byteCount { bytes[at] = 0 }
    let highStart = 8 * lowByteCount
    for place in 0..<count {
      let index = Int(indices[place])
      for bit in 0..<lowBits where index >> bit & 1 == 1 {
        Self.set(&bytes, place * lowBits + bit)
      }
      Self.set(&bytes, highStart + index >> lowBits + place)
    }
  }

  /// Reads them back; nil when the bytes are not what `encode` writes for any indices.
  package func decode(_ bytes: Span<UInt8>) -> [UInt32]? {
    precondition(bytes.count >= byteCount, "\(bytes.count) bytes for \(byteCount)")
    for bit in count * lowBits..<8 * lowByteCount where Self.has(bytes, bit) { return nil }
    var indices: [UInt32] = []
    indices.reserveCapacity(count)
    for at in lowByteCount..<byteCount {
      var byte = bytes[at]
      while byte != 0 {
        let place = indices.count
        let position = 8 * (at - lowByteCount) + byte.trailingZeroBitCount
        byte &= byte - 1
        guard place < count, position < highBitCount else { return nil }
        var index = (position - place) << lowBits
        for bit in 0..<lowBits where Self.has(bytes, place * lowBits + bit) { index |= 1 << bit }
        if index >= limit { return nil }
        if let last = indices.last, index <= Int(last) { return nil }
        indices.append(UInt32(index))
      }
    }
    return indices.count == count ? indices : nil
  }

  private static func set(_ bytes: inout MutableSpan<UInt8>, _ bit: Int) {
    bytes[bit >> 3] |= 1 << UInt8(bit & 7)
  }

  private static func has(_ bytes: Span<UInt8>, _ bit: Int) -> Bool {
    bytes[bit >> 3] >> UInt8(bit & 7) & 1 == 1
  }
}
