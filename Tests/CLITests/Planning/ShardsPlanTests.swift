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
    print(plan.text)
    #expect(plan.chosen == "nested")
    let small = try ShardsPlan(
      parameters: 1e9, nest: Nest([4]), gigabytesPerSecond: [1], memory: 20e9, batches: 1)
    #expect(
      small.text == """
        """)
    let huge = try ShardsPlan(
      parameters: 1e12, nest: Nest([4]), gigabytesPerSecond: [1], memory: 20e9, batches: 1)
    #expect(huge.chosen == nil)
    #expect(
      huge.text.hasSuffix(
        "take    none: no scheme fits; more ranks, more memory, or a smaller model\n"))
  }
}
