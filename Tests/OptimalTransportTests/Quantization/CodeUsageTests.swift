// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Testing

@Suite("Usage of codes")
struct CodeUsageTests {
  @Test("usage counts codes: even ones have the entropy of all codewords, one alone has none")
  func usage() {
    let even = CodeUsage([0, 1, 1, 2, 2, 3, 3, 0], parts: 2, codewords: 4)
    #expect(even.loads == [[1, 1, 1, 1], [1, 1, 1, 1]])
    #expect(even.bits == 2 && even.distinct == 1 && even.loadMost == 1)
    let alone = CodeUsage([3, 3, 3, 3], parts: 1, codewords: 4)
    #expect(alone.bits == 0 && alone.distinct == 0.25 && alone.loadMost == 4)
    #expect(CodeUsage([0, 0, 0, 1], parts: 2, codewords: 2).bits == 0.5)
    let none = CodeUsage([], parts: 2, codewords: 2)
    #expect(none.bits == 0 && none.distinct == 1 && none.loadMost == 0)
  }
}
