// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Time of a ring order")
struct RingOrderTimeTests {
  private func matrix(slow: (Int, Int)?) throws -> PairMatrix {
    var matrix = try PairMatrix(members: 4)
    for from in 0..<4 {
      for to in 0..<4 where from != to {
        let speed = slow.map { $0 == (from, to) } == true ? 2.5e5 : 1e6
        try matrix.set(
          from: from, to: to, PairLink(latency: .milliseconds(1), bytesPerSecond: speed))
      }
    }
    return matrix
  }

  @Test("over equal edges it is the formula of the ring")
  func equalEdges() throws {
    let matrix = try matrix(slow: nil)
    let order = try RingOrder(Array(0..<4), on: matrix)
    let link = try LinkProfile(latency: .milliseconds(1), bytesPerSecond: 1e6)
    let formula = AllReduceCost.ring(world: 4, bytes: 4000).time(over: link)
    #expect(order.allReduceTime(bytes: 4000, on: matrix) == formula)
    #expect(formula == .milliseconds(12))
  }

  @Test("every step waits for the slowest edge, unless the order goes round it")
  func slowEdge() throws {
    let matrix = try matrix(slow: (1, 2))
    let listed = try RingOrder(Array(0..<4), on: matrix)
    #expect(listed.allReduceTime(bytes: 4000, on: matrix) == .milliseconds(30))
    let best = try RingOrder.best(on: matrix, seed: Seed(1))
    #expect(best.allReduceTime(bytes: 4000, on: matrix) == .milliseconds(12))
  }
}
