// SPDX-License-Identifier: Apache-2.0

import Testing
import ferry

@Suite("Nearest key")
struct NearestKeyTests {
  @Test(
    "one slip of the pen is one step",
    arguments: [
      ("batch", "batch", 0), ("bacth", "batch", 1), ("btch", "batch", 1), ("baatch", "batch", 1),
      ("catch", "batch", 1), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3),
    ])
  func distance(from: String, to: String, steps: Int) {
    #expect(editDistance(from, to) == steps)
  }

  @Test("takes the nearest, and none when all are far")
  func nearestOfMany() {
    #expect(nearest(to: "warmpu", among: ["batch", "warmup", "clip"]) == "warmup")
    #expect(nearest(to: "LEARNING_RATE", among: ["learning_rate"]) == "learning_rate")
    #expect(nearest(to: "bananas", among: ["batch", "warmup"]) == nil)
    #expect(nearest(to: String(repeating: "a", count: 65), among: ["a"]) == nil)
    #expect(nearest(to: "a", among: []) == nil)
  }
}
