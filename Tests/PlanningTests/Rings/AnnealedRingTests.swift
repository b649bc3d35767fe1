// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Annealed ring")
struct AnnealedRingTests {
  @Test("finds the fastest slowest edge of all in most matrices, up to 12 members")
  func nearExact() throws {
    var hits = 0
    for seed in seeds(40) {
      var random = SplitMix64(seed)
      let matrix = try sampleMatrix(&random, members: 6 + Int(seed.value % 7))
      let best = try RingOrder.best(on: matrix, seed: seed)
      let members = try #require(AnnealedRing(matrix, seed: seed).order())
      let found = try RingOrder(members, on: matrix)
      #expect(found.slowest <= best.slowest)
      if found.slowest == best.slowest { hits += 1 }
    }
    #expect(hits >= 38, "\(hits) of 40")
  }

  @Test("finds a ring that was hidden in a large matrix", arguments: [20, 50, 100])
  func hidden(members: Int) throws {
    var random = SplitMix64(Seed(UInt64(members)))
    var matrix = try PairMatrix(members: members)
    let ring = (0..<members).shuffled(using: &random)
    for from in 0..<members {
      for to in 0..<members where from != to {
        try matrix.set(
          from: from, to: to, PairLink(latency: .milliseconds(1), bytesPerSecond: 1e6))
      }
    }
    // Faster links than the ring's, which lead into three members only: whoever follows them is lost.
    for from in 0..<members {
      for to in [ring[0], ring[members / 3], ring[members / 2]] where from != to {
        try matrix.set(
          from: from, to: to, PairLink(latency: .milliseconds(1), bytesPerSecond: 2e7))
      }
    }
    for at in ring.indices {
      try matrix.set(
        from: ring[at], to: ring[(at + 1) % members],
        PairLink(latency: .milliseconds(1), bytesPerSecond: 9e6))
    }
    #expect(try RingOrder.best(on: matrix, seed: Seed(1)).slowest == 9e6)
  }

  @Test("islands are passed one after the other: two crossings each, and no more latency than that")
  func islands() throws {
    // 24 members in 4 islands, listed in turn: the listed ring crosses at every edge.
    var matrix = try PairMatrix(members: 24)
    for from in 0..<24 {
      for to in 0..<24 where from != to {
        let isNear = from % 4 == to % 4
        try matrix.set(
          from: from, to: to,
          PairLink(latency: .milliseconds(isNear ? 1 : 40), bytesPerSecond: 1e7))
      }
    }
    let order = try RingOrder.best(on: matrix, seed: Seed(1))
    #expect(order.latency == .milliseconds(4 * 40 + 20 * 1))
  }
}
