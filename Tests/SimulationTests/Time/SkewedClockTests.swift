// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerrySimulation
import Testing

@Suite("Skewed clock")
struct SkewedClockTests {
  @Test("finds the first moment at which it shows a time", arguments: [-500, -3, 0, 1, 7, 500])
  func inverts(drift: Int64) {
    var random = SplitMix64(Seed(6))
    let clock = SkewedClock(birth: 1_000_003, offset: 77, driftPerMillion: drift)
    for _ in 0..<1000 {
      let shown = 77 + Int64(random.next() % 3_600_000_000_000)
      let time = clock.world(whenShowing: shown)
      #expect(clock.local(at: time) >= shown)
      #expect(time == 1_000_003 || clock.local(at: time - 1) < shown)
    }
  }

  @Test("runs ahead by its drift")
  func drifts() {
    let clock = SkewedClock(birth: 5, offset: 10, driftPerMillion: 500)
    #expect(clock.local(at: 5) == 10)
    #expect(clock.local(at: 5 + 1_000_000_000) == 10 + 1_000_500_000)
  }
}
