// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Traffic patterns")
struct TrafficPatternTests {
  @Test("every host sends and receives the same, but for incast", arguments: [2, 4, 16, 64])
  func balanced(hosts: Int) throws {
    for pattern in TrafficPattern.allCases where pattern != .incast {
      for step in try pattern.steps(hosts: hosts, seed: Seed(3)) {
        var sent = [Double](repeating: 0, count: hosts)
        var received = sent
        for demand in step {
          #expect(demand.source != demand.destination)
          sent[demand.source] += demand.size
          received[demand.destination] += demand.size
        }
        #expect(Set(sent).count == 1 && sent == received, "\(pattern) of \(hosts)")
      }
    }
    let incast = try TrafficPattern.incast.steps(hosts: hosts, seed: Seed(3))
    #expect(incast.count == 1 && incast[0].map(\.source) == Array(1..<hosts))
    #expect(incast[0].allSatisfy { $0.destination == 0 })
  }

  @Test("halving and doubling moves 2 (N - 1)/N of the vector in 2 log N steps")
  func halvingDoubling() throws {
    let steps = try TrafficPattern.halvingDoubling.steps(hosts: 16, seed: Seed(0))
    #expect(steps.count == 8)
    #expect(steps.reduce(0) { $0 + $1[5].size } == 2 * 15.0 / 16)
    #expect(steps.map { $0[0].destination } == [8, 4, 2, 1, 1, 2, 4, 8])
  }

  @Test("a permuted ring passes every host once, and depends on the seed alone")
  func permutedRing() throws {
    let one = try TrafficPattern.permutedRing.steps(hosts: 64, seed: Seed(1))[0]
    var at = 0
    var passed: Set<Int> = []
    for _ in 0..<64 {
      passed.insert(at)
      at = try #require(one.first { $0.source == at }).destination
    }
    #expect(passed.count == 64 && at == 0)
    #expect(try TrafficPattern.permutedRing.steps(hosts: 64, seed: Seed(1))[0] == one)
    #expect(try TrafficPattern.permutedRing.steps(hosts: 64, seed: Seed(2))[0] != one)
  }

  @Test("what does not fit is refused with its numbers")
  func refuses() {
    let odd = #expect(throws: PlanningError.self) {
      try TrafficPattern.halvingDoubling.steps(hosts: 12, seed: Seed(0))
    }
    #expect(
      odd?.description
        == "traffic-out-of-range: halving-doubling of 12 hosts (the number of hosts). "
        + "It needs a power of two.")
    let many = #expect(throws: PlanningError.self) {
      try TrafficPattern.allToAll.steps(hosts: 257, seed: Seed(0))
    }
    #expect(
      many?.description
        == "traffic-out-of-range: all-to-all of 257 hosts (65792 flows a step). "
        + "It needs 2 hosts and at most 65536 flows a step.")
    #expect(throws: PlanningError.self) { try TrafficPattern.ring.steps(hosts: 1, seed: Seed(0)) }
  }
}
