// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("Shape")
struct ShapeTests {
  @Test("counts its elements and bytes; a scalar has one")
  func counts() throws {
    #expect(([] as Shape).elementCount == 1)
    #expect(([2, 3, 4] as Shape).elementCount == 24)
    #expect(([2, 0] as Shape).elementCount == 0)
    #expect(try ([3] as Shape).byteCount(of: .f64) == 24)
    #expect(([2, 3] as Shape).dimensions == [2, 3])
    #expect(([2, 3] as Shape).description == "[2, 3]")
    #expect(([2, 3] as Shape) != [2, 3, 1])
    #expect(Set([[2, 3], [2, 3], [3, 2]] as [Shape]).count == 2)
  }

  @Test(
    "refuses what memory cannot hold, saying which",
    arguments: [
      ([1, -1], "dimension 1 is -1"),
      ([Int.max, 2], "more elements than an Int can count"),
      ([1, 1, 1, 1, 1, 1, 1, 1, 1], "9 dimensions"),
    ])
  func refuses(dimensions: [Int], what: String) {
    #expect(
      message { _ = try Shape(dimensions) }
        == "shape-invalid: \(what) (shape \(dimensions)). "
        + "Use up to 8 dimensions, none negative, that fit in memory.")
  }

  @Test("refuses more bytes than an Int can count")
  func refusesBytes() {
    #expect(
      message { _ = try Shape([Int.max]).byteCount(of: .f32) }
        == "shape-invalid: more bytes than an Int can count (shape [\(Int.max)] of F32). "
        + "Use up to 8 dimensions, none negative, that fit in memory.")
  }
}
