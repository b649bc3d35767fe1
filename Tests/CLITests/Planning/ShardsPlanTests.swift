// SPDX-License-Identifier: Apache-2.0

import FerryPlanning
import Testing
import ferry

@Suite("Shards plan")
struct ShardsPlanTests {
  @Test("a line a scheme, and the one to take")
  func text() throws {
    let plan = try ShardsPlan(
      parameters: 20e9, nest: Nest([2, 4, 48]), gigabytesPerSecond: [200, 75, 12.5], memory: 64e9,
      batches: 1)
    #expect(
      plan.text.split(separator: "\n").suffix(3) == [
        "zero++             1/8      1/384  1/384  5.73 GB  yes   31.3 GB  30.2 GB  3.71 GB  851 ms",
        "nested             1/2        1/8  1/384  25.6 GB  yes   21.3 GB  15.2 GB  3.71 GB  601 ms",
        "take    nested: the fastest of those that fit",
      ])
    let small = try ShardsPlan(
      parameters: 1e9, nest: Nest([4]), gigabytesPerSecond: [1], memory: 20e9, batches: 1)
    #expect(
      small.text == """
        model   1.00 G parameters on 4 ranks, 4, 20.0 GB each
        SCHEME         WEIGHTS  GRADIENTS  STATE   MEMORY  FITS  LEVEL 0    TIME
        data-parallel      1/1        1/1    1/1  16.0 GB  yes   3.00 GB  3.00 s
        zero-1             1/1        1/1    1/4  7.00 GB  yes   3.00 GB  3.00 s
        zero-2             1/1        1/4    1/4  5.50 GB  yes   3.00 GB  3.00 s
        zero-3             1/4        1/4    1/4  4.00 GB  yes   4.50 GB  4.50 s
        take    data-parallel: plain, and it fits

        """)
    let huge = try ShardsPlan(
      parameters: 1e12, nest: Nest([4]), gigabytesPerSecond: [1], memory: 20e9, batches: 1)
    #expect(huge.chosen == nil)
    #expect(
      huge.text.hasSuffix(
        "take    none: no scheme fits; more ranks, more memory, or a smaller model\n"))
  }
}
