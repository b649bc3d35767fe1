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

  /// Measures until the speed has stopped growing.
  static func reach(_ rate: Int, _ count: inout StrandCount, resent: Int = 10) {
    for share in [2, 1, 1] {
      count.measured(
        bytes: rate / share, over: .seconds(1), strands: count.wanted, resent: resent, of: 1000)
    }
  }

  @Test("a lossy path gets more as long as they make it faster")
  func growth() {
    var count = StrandCount(forced: nil)
    count.learned(roundTrip: .milliseconds(80))
    for doublings in 1...3 {
      Self.reach(1_000_000 << doublings, &count)
      #expect(count.wanted == StrandCount.few << doublings)
    }
    #expect(count.wanted == LinkLimits.strandsMax)
    Self.reach(99_000_000, &count)
    #expect(count.wanted == LinkLimits.strandsMax)
    // Twice as many were no faster: settled, whatever comes later.
    count = StrandCount(forced: nil)
    count.learned(roundTrip: .milliseconds(80))
    Self.reach(1_000_000, &count)
    Self.reach(1_050_000, &count)
    Self.reach(9_000_000, &count)
    #expect(count.wanted == 2 * StrandCount.few)
  }

  @Test("windows that are still opening prove nothing")
  func ramp() {
    var count = StrandCount(forced: nil)
    count.learned(roundTrip: .milliseconds(80))
    for rate in [1, 2, 4, 8, 16] {
      count.measured(
        bytes: rate << 20, over: .seconds(1), strands: count.wanted, resent: 10, of: 1000)
    }
    #expect(count.wanted == StrandCount.few)
  }

  @Test("a clean path keeps its few; a short one gets two where much is lost")
  func loss() {
    var clean = StrandCount(forced: nil)
    clean.learned(roundTrip: .milliseconds(40))
    Self.reach(1 << 20, &clean, resent: 0)
    #expect(clean.wanted == StrandCount.few)
    var short = StrandCount(forced: nil)
    // Five are lost where one connection overfills the queue of a switch; fifteen now and then as well.
    let seconds = [(5, 0), (5, 0), (5, 0), (15, 0), (15, 0), (5, 0), (15, 0), (15, 0), (15, 2)]
    for (resent, wanted) in seconds {
      short.measured(bytes: 1 << 20, over: .seconds(1), strands: 0, resent: resent, of: 1000)
      #expect(short.wanted == wanted)
    }
  }

  @Test("those asked for but not there yet prove nothing")
  func pending() {
    var count = StrandCount(forced: nil)
    count.learned(roundTrip: .milliseconds(80))
    for _ in 0..<3 {
      count.measured(bytes: 1 << 20, over: .seconds(1), strands: 1, resent: 10, of: 1000)
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
