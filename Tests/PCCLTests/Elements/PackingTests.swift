// SPDX-License-Identifier: Apache-2.0

import FerryPCCL
import Testing

@Suite("Packing")
struct PackingTests {
  @Test("bytes come back, whatever they are and however many", arguments: 0...10)
  func returns(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: 255 - 37 * $0) }
    let floats = Packing.floats(bytes)
    #expect(floats.count == Packing.floatCount(count))
    #expect(Packing.bytes(floats[...], count: count) == bytes)
  }

  @Test("a sum with zeros changes no byte")
  func sums() {
    let bytes = [UInt8](repeating: 255, count: 3)
    let sums = Packing.floats(bytes).map { $0 + 0 + 0 }
    #expect(Packing.bytes(sums[...], count: 3) == bytes)
  }

  @Test("what is not packed is refused", arguments: [-1, 0.5, 16_777_216, Float.nan, .infinity])
  func refuses(float: Float) {
    #expect(Packing.bytes([float], count: 3) == nil)
    #expect(Packing.bytes([1, 2], count: 3) == nil)
  }
}
