// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

@Suite("Reduction")
struct ReductionTests {
  @Test(
    "weights that make no sense are refused",
    arguments: [
      ([1, -1], "rank 1 has the weight -1.0"), ([.nan, 1], "rank 0 has the weight nan"),
      ([1, .infinity], "rank 1 has the weight inf"), ([0, 0], "all weights are 0"),
    ] as [([Double], String)])
  func badWeights(weights: [Double], what: String) {
    let error = #expect(throws: CollectiveError.self) {
      try Reduction(
        rank: 0, weights: weights, codec: Float32Codec(), operation: .mean, seed: Seed(1))
    }
    #expect(
      error?.description == """
        bad-group: \(what) (all-reduce of 2 ranks). \
        Each weight must be finite and at least 0, and one must be above 0.
        """)
  }

  @Test("too many ranks are refused")
  func tooMany() {
    let error = #expect(throws: CollectiveError.self) {
      try Reduction(
        rank: 0, weights: Array(repeating: 1, count: 1025), codec: Float32Codec(),
        operation: .mean, seed: Seed(1))
    }
    #expect(
      error?.description == """
        bad-group: 1025 ranks are more than 1024 (all-reduce). \
        Split the peers into several groups.
        """)
  }
}

@Suite("All-reduce algorithm")
struct AllReduceAlgorithmTests {
  @Test("chooses by codec and size, and says why")
  func choice() {
    func choice(
      _ algorithm: AllReduceAlgorithm, _ count: Int, _ kind: CodecKind = .float32, world: Int = 4
    ) -> String {
      let (choice, reason) = algorithm.choice(count: count, world: world, codec: kind.codec())
      #expect(reason.hasPrefix(choice.rawValue))
      return reason
    }
    #expect(choice(.ring, 10) == "ring: configured")
    #expect(choice(.direct, 10) == "direct: configured")
    #expect(choice(.oneShot, 10) == "one-shot: configured")
    #expect(
      choice(.automatic, 1024) == "one-shot: 4096 bytes to each cost less than another hop")
    #expect(
      choice(.automatic, 1024, world: 13)
        == "one-shot: 4096 bytes to each cost less than another hop")
    #expect(
      choice(.automatic, 1024, world: 14) == "direct: 4096 bytes are few, and two hops are fast")
    #expect(
      choice(.automatic, 1 << 24)
        == "ring: 67108864 bytes of f32 are many, and every link carries the same")
    #expect(
      choice(.automatic, 1 << 24, .int8)
        == "direct: int8 rounds, and a ring would round once more at each of its hops")
    #expect(
      choice(.automatic, 1 << 24, world: 2) == "direct: with 2 ranks it is the ring")
  }
}
