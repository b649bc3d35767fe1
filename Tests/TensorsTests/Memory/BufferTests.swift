// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("Buffer")
struct BufferTests {
  @Test("holds what it was given, from zero elements up", arguments: sizes)
  func holds(count: Int) {
    let filled = Buffer<Float>(repeating: 2, count: count)
    #expect(filled.array() == [Float](repeating: 2, count: count))
    let values = sampleFloats(count, 1)
    let copied = Buffer(copying: values.span)
    #expect(copied.array() == values)
    #expect(copied.bytes.byteCount == count * 4)
  }

  @Test("writes through its mutable span")
  func writes() {
    var buffer = Buffer<Int32>(repeating: 0, count: 3)
    var view = buffer.mutableSpan
    view[1] = 7
    #expect(buffer.array() == [0, 7, 0])
  }

  @Test("starts at a multiple of 64 bytes", arguments: [0, 1, 3, 1000])
  func aligned(count: Int) {
    let buffer = Buffer<UInt8>(repeating: 0, count: count)
    // SAFETY: the address is only looked at.
    let address = unsafe buffer.span.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    #expect(address % 64 == 0)
  }
}
