// SPDX-License-Identifier: Apache-2.0

import Testing
import ferry

@Suite("Limits")
struct LimitTests {
  @Test("each has a name of its own, a value above 0, and a meaning")
  func list() {
    let limits = Limit.all
    #expect(Set(limits.map(\.name)).count == limits.count)
    for limit in limits {
      #expect(limit.value > 0 && !limit.meaning.isEmpty, "\(limit.name)")
      #expect(limit.name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" })
    }
    #expect(limits.first { $0.name == "frame" }?.value == 16 << 20)
  }
}
