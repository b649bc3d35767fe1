// SPDX-License-Identifier: Apache-2.0

import FerryRecipes
import Testing

@Suite("Steps at equal seconds")
struct EqualSecondsTests {
  @Test(
    "a baseline of cheaper steps gets more of them, one of dearer steps loses none",
    arguments: [
      (steps: 200, seconds: 2.0, method: 5.0, wanted: 500),
      (24, 10, 10.6, 26), (24, 10, 10.4, 24), (24, 10, 3, 24), (24, 0, 0, 24), (24, 0, 1, 24),
    ])
  func steps(steps: Int, seconds: Double, method: Double, wanted: Int) {
    #expect(EqualSeconds.steps(steps, taking: seconds, method: method) == wanted)
  }
}
