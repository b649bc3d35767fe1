// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Testing

@Suite("How many strands")
struct StrandCountTests {
  @Test("none on a short path, a few on a long one")
  func path() {
    var count = StrandCount(forced: nil)
    count.learned(roundTrip: .microseconds(300))
    #expect(count.wanted == 0)
    count.learned(roundTrip: .milliseconds(40))
    #expect(count.wanted == StrandCount.few)
  }

  @Test("a lossy path gets more as long as they make it faster")
  func growth() {
    var count = StrandCount(forced: nil)
    count.learned(roundTrip: .milliseconds(80))
    func measure(_ rate: Int) {
      count.measured(
        bytes: rate, over: .seconds(1), strands: count.wanted, resent: 10, of: 1000)
    }
    measure(1_000_000)
    #expect(count.wanted == 8)
    measure(2_000_000)
    #expect(count.wanted == 16)
    measure(2_050_000)
    #expect(count.wanted == 16)
    // Settled: what comes later changes nothing.
    measure(9_000_000)
    #expect(count.wanted == LinkLimits.strandsMax)
  }

  @Test("a clean path keeps its few; a short one that loses gets two")
  func loss() {
    var clean = StrandCount(forced: nil)
    clean.learned(roundTrip: .milliseconds(40))
    clean.measured(bytes: 1 << 20, over: .seconds(1), strands: 4, resent: 0, of: 1000)
    #expect(clean.wanted == StrandCount.few)
    var short = StrandCount(forced: nil)
    short.measured(bytes: 1 << 20, over: .seconds(1), strands: 0, resent: 5, of: 1000)
    #expect(short.wanted == 2)
  }

  @Test("those asked for but not there yet prove nothing")
  func pending() {
    var count = StrandCount(forced: nil)
    count.learned(roundTrip: .milliseconds(80))
    for _ in 0..<3 {
      count.measured(bytes: 1 << 20, over: .seconds(1), strands: 2, resent: 10, of: 1000)
    }
    #expect(count.wanted == StrandCount.few)
  }

  @Test("a number that was set stays, up to the limit")
  func forced() {
    var count = StrandCount(forced: 3)
    count.learned(roundTrip: .milliseconds(80))
    count.measured(bytes: 1 << 20, over: .seconds(1), strands: 3, resent: 10, of: 1000)
    #expect(count.wanted == 3)
    #expect(StrandCount(forced: 1000).wanted == LinkLimits.strandsMax)
  }
}
