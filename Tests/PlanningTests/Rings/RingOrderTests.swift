// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Ring order")
struct RingOrderTests {
  /// The best of all orders by hand: slowest edge first, then latency.
  private func bruteForce(_ matrix: PairMatrix) -> (slowest: Double, latency: Duration)? {
    orders(Array(0..<matrix.count)).compactMap { try? RingOrder($0, on: matrix) }
      .map { (slowest: $0.slowest, latency: $0.latency) }
      .max { ($0.slowest, $1.latency) < ($1.slowest, $0.latency) }
  }

  @Test("the best of all orders, up to 8 members", arguments: seeds(120))
  func exact(seed: Seed) throws {
    var random = SplitMix64(seed)
    // Few speeds, so that latency decides; holes, so that some matrices have no ring.
    let matrix = try sampleMatrix(
      &random, members: 1 + Int(seed.value % 8), holes: seed.value % 3 == 0,
      levels: seed.value % 2 == 0 ? 3 : 1000)
    guard let best = bruteForce(matrix) else {
      #expect(throws: PlanningError.self) { try RingOrder.best(on: matrix, seed: seed) }
      return
    }
    let order = try RingOrder.best(on: matrix, seed: seed)
    #expect(order.slowest == best.slowest)
    #expect(order.latency == best.latency)
    #expect(order.members.sorted() == Array(0..<matrix.count) && order.members[0] == 0)
  }

  @Test(
    "never worse than the listed order, and the same on every machine", arguments: [9, 12, 13, 40])
  func neverWorse(members: Int) throws {
    for seed in seeds(3) {
      var random = SplitMix64(seed)
      let matrix = try sampleMatrix(&random, members: members)
      let listed = try RingOrder(Array(0..<members), on: matrix)
      let order = try RingOrder.best(on: matrix, seed: seed)
      #expect(
        order.slowest > listed.slowest
          || (order.slowest == listed.slowest && order.latency <= listed.latency))
      #expect(order.members.sorted() == Array(0..<members) && order.members[0] == 0)
      #expect(order.method == (members <= RingOrder.exactMembersMax ? .exact : .annealed))
      #expect(try RingOrder.best(on: matrix, seed: seed) == order)
    }
  }

  @Test("one slow pair is gone round")
  func slowPair() throws {
    var matrix = try PairMatrix(members: 8)
    for from in 0..<8 {
      for to in 0..<8 where from != to {
        let isSlow = Set([from, to]) == [2, 3]
        try matrix.set(
          from: from, to: to,
          PairLink(latency: .milliseconds(1), bytesPerSecond: isSlow ? 1e6 : 1e7))
      }
    }
    #expect(try RingOrder(Array(0..<8), on: matrix).slowest == 1e6)
    let order = try RingOrder.best(on: matrix, seed: Seed(1))
    #expect(order.slowest == 1e7)
    #expect(order.latency == .milliseconds(8))
  }

  @Test("one and two members, who have no choice")
  func few() throws {
    let alone = try RingOrder.best(on: try PairMatrix(members: 1), seed: Seed(0))
    #expect(alone.members == [0] && alone.slowest == .infinity && alone.latency == .zero)
    var two = try PairMatrix(members: 2)
    try two.set(from: 0, to: 1, PairLink(latency: .seconds(1), bytesPerSecond: 5))
    let error = #expect(throws: PlanningError.self) { try RingOrder.best(on: two, seed: Seed(0)) }
    #expect(
      error?.description
        == "no-ring: the ring needs a link that is not there (from member 1 to member 0). "
        + "Measure that pair, or take an order without it.")
    try two.set(from: 1, to: 0, PairLink(latency: .seconds(2), bytesPerSecond: 4))
    let ring = try RingOrder.best(on: two, seed: Seed(0))
    #expect(ring.members == [0, 1] && ring.slowest == 4 && ring.latency == .seconds(3))
  }

  @Test("no ring is an error that says whether all were tried")
  func noRing() throws {
    let small = #expect(throws: PlanningError.self) {
      try RingOrder.best(on: try PairMatrix(members: 5), seed: Seed(0))
    }
    #expect(
      small?.description
        == "no-ring: no ring passes all members (5 members). Measure more pairs, or use an "
        + "all-reduce without a ring.")
    let large = #expect(throws: PlanningError.self) {
      try RingOrder.best(on: try PairMatrix(members: 20), seed: Seed(0))
    }
    #expect(
      large?.description
        == "no-ring: no ring through all members was found (20 members). Measure more pairs, or "
        + "use an all-reduce without a ring.")
  }
}
