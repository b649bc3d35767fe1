// SPDX-License-Identifier: Apache-2.0

/// Bytes as floats that a sum with zeros leaves as they are: three bytes each, since a float holds
/// every whole number below 2²⁴ exactly.
///
/// So the rounds of a group, which add floats, carry anything from one member to all.
package enum Packing {
  package static let bytesEach = 3

  package static func floatCount(_ byteCount: Int) -> Int {
    (byteCount + bytesEach - 1) / bytesEach
  }

  package static func floats(_ bytes: [UInt8]) -> [Float] {
    var floats: [Float] = []
    floats.reserveCapacity(floatCount(bytes.count))
    var start = 0
    while start < bytes.count {
      var whole: UInt32 = 0
      for i in start..<min(start + bytesEach, bytes.count) {
        whole |= UInt32(bytes[i]) << UInt32(8 * (i - start))
      }
      floats.append(Float(whole))
      start += bytesEach
    }
    return floats
  }

  /// The first `count` bytes of what `floats` gave, or nil if no such call gave it.
  package static func bytes(_ floats: ArraySlice<Float>, count: Int) -> [UInt8]? {
    guard floats.count == floatCount(count) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    for float in floats {
      guard float >= 0, float < 16_777_216, float == float.rounded() else { return nil }
      let whole = UInt32(float)
      for i in 0..<min(bytesEach, count - bytes.count) {
        bytes.append(UInt8(truncatingIfNeeded: whole >> UInt32(8 * i)))
      }
    }
    return bytes
  }
}
