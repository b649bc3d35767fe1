// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryTensors
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

extension ReductionTests {
  @Test("weights that fit no such operation name the rank")
  func weightsOfKinds() {
    func message(
      _ operation: ReduceOperation, _ type: ElementType, _ weights: [Double]
    ) -> String {
      let error = #expect(throws: CollectiveError.self) {
        try Reduction(
          rank: 0, weights: weights, codec: Float32Codec(), operation: operation,
          elementType: type, seed: Seed(1))
      }
      return error.map { "\($0.what). \($0.remedy)" } ?? ""
    }
    #expect(
      message(.max, .f32, [1, 2])
        == "rank 1 has the weight 2.0. For F32 by max a rank takes part, 1, or does not, 0.")
    #expect(
      message(.sum, .bool, [1, 3])
        == "rank 1 has the weight 3.0. For BOOL by sum a rank takes part, 1, or does not, 0.")
    #expect(
      message(.mean, .i32, [0.5, 1])
        == "rank 0 has the weight 0.5. Whole numbers take whole weights.")
    #expect(
      message(.sum, .u8, [1e15, 1e16])
        == "the weights are too large. Their sum may be 9007199254740992.")
    #expect(
      message(.mean, .bool, [1, 1])
        == "flags have no mean. Use sum (one is set) or product (all are set), or reduce numbers.")
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
    for forced in AllReduceAlgorithm.allCases where forced != .automatic {
      #expect(choice(forced, 10) == "\(forced.rawValue): configured")
    }
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
  @Test("goes by islands where they are known, and by the bytes of any type")
  func islands() {
    func choice(_ count: Int, _ type: ElementType, _ topology: Topology) -> String {
      AllReduceAlgorithm.automatic.choice(
        count: count, world: 4, codec: Float32Codec(), elementType: type, topology: topology
      ).reason
    }
    let islands = Topology(islands: [[[0, 1], [2, 3]]])
    #expect(
      choice(1 << 24, .f64, islands)
        == "hierarchical: 134217728 bytes are many, and 2 islands have slow links between")
    #expect(
      choice(1 << 24, .u8, Topology(islands: [[[0, 1, 2, 3]]]))
        == "ring: 16777216 bytes of U8 are many, and every link carries the same")
    #expect(choice(100, .bool, islands) == "one-shot: 100 bytes to each cost less than another hop")
  }

  @Test("has a number of its own in messages")
  func numbers() {
    #expect(
      Set(AllReduceAlgorithm.allCases.map(\.wireID)).count == AllReduceAlgorithm.allCases.count)
  }
}
