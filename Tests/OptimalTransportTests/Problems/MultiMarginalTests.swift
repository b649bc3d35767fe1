// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Multi-marginal transport")
struct MultiMarginalTests {
  @Test("two measures: Sinkhorn's coupling", arguments: seeds(4))
  func two(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...8, using: &random)
    let m = Int.random(in: 1...8, using: &random)
    let cloud = try PointCloud(
      samplePoints(&random, count: n, dimensions: 2),
      samplePoints(&random, count: m, dimensions: 2))
    let a = sampleMasses(&random, count: n, holes: true)
    let b = sampleMasses(&random, count: m)
    let many = try MultiMarginal(epsilon: 0.1, tolerance: 1e-12).solve(
      costs: allCosts(cloud), measures: [a, b])
    let two = try Sinkhorn(.epsilon(0.1), tolerance: 1e-12).solve(
      LinearProblem(cloud, rowMasses: a, columnMasses: b))
    #expect(difference(many.masses, two.coupling.dense().masses) < 1e-10)
    #expect(abs(many.certificate.gap) < 1e-11)
  }

  @Test("three points on a line, costs to their mean: all marginals, primal is dual")
  func three() throws {
    var random = SplitMix64(Seed(5))
    let sides = [4, 5, 3].map { n in (0..<n).map { _ in Double.random(in: 0...1, using: &random) } }
    var costs: [Double] = []
    for x in sides[0] {
      for y in sides[1] {
        for z in sides[2] {
          let mean = (x + y + z) / 3
          costs.append([x, y, z].reduce(0) { $0 + ($1 - mean) * ($1 - mean) })
        }
      }
    }
    let measures = sides.map { sampleMasses(&random, count: $0.count) }
    let solution = try MultiMarginal(epsilon: 0.02, tolerance: 1e-10).solve(
      costs: costs, measures: measures)
    #expect(solution.certificate.rowError <= 1e-10 && abs(solution.certificate.gap) < 1e-9)
    var second = [Double](repeating: 0, count: 5)
    for (at, mass) in solution.masses.enumerated() { second[at / 3 % 5] += mass }
    #expect(difference(second, measures[1]) < 1e-9)
  }

  @Test("a tensor that is too large, and one measure, are refused")
  func refusals() {
    #expect(
      message {
        _ = try MultiMarginal(epsilon: 1).solve(
          costs: [], measures: Array(repeating: Array(repeating: 1, count: 1000), count: 3))
      }
        == "setting-out-of-range: more than 16777216 combinations (multi-marginal). Take fewer points or measures: every combination has a cost."
    )
    #expect(
      message { _ = try MultiMarginal(epsilon: 1).solve(costs: [1], measures: [[1]]) }
        == "shape-mismatch: 1 costs for 1 combinations of 1 (multi-marginal). Give at least 2 measures and a cost for each combination."
    )
  }
}
