// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

@Suite("Reduce-scatter")
struct ReduceScatterTests {
  @Test("the segments together are what an all-reduce gives", arguments: [1, 2, 3, 5, 8])
  func segments(world: Int) throws {
    for count in [0, 1, world, 1000] {
      let weights = (0..<world).map { Double($0 % 3) + ($0 == 0 ? 1 : 0) }
      func reduction(_ rank: Int) throws -> Reduction {
        try Reduction(
          rank: rank, weights: weights, codec: Float32Codec(), operation: .mean, seed: Seed(1),
          pieceElements: 32)
      }
      let values = (0..<world).map { sample(count, Seed(UInt64($0))) }
      var scatter = Fabric(
        try (0..<world).map { ReduceScatter(values[$0], in: try reduction($0)) }, order: Seed(3))
      var whole = Fabric(
        try (0..<world).map { Direct(values[$0], in: try reduction($0)) }, order: Seed(4))
      try scatter.run()
      try whole.run()
      let joined = scatter.machines.flatMap { $0.result ?? [.nan] }
      #expect(joined == whole.machines[0].result)
      #expect(scatter.machines.map(\.range.count).reduce(0, +) == count)
    }
  }
}
