// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

@Suite("Group-lasso transport")
struct GroupLassoTransportTests {
  private func objective(
    _ problem: LinearProblem, _ groups: [Int], _ coupling: DenseCoupling, epsilon: Double,
    strength: Double
  ) throws -> Double {
    let costs = try allCosts(problem.geometry)
    let m = coupling.columnCount
    var sum = 0.0
    for i in 0..<coupling.rowCount {
      for j in 0..<m where coupling[i, j] > 0 {
        let reference = problem.rowMasses[i] * problem.columnMasses[j]
        let mass = coupling[i, j]
        sum += mass * costs[i * m + j] + epsilon * (mass * log(mass / reference) - mass + reference)
      }
      for j in 0..<m where coupling[i, j] == 0 {
        sum += epsilon * problem.rowMasses[i] * problem.columnMasses[j]
      }
    }
    for group in Set(groups) where group >= 0 {
      for j in 0..<m {
        let squares = groups.indices.reduce(0.0) {
          groups[$1] == group ? $0 + coupling[$1, j] * coupling[$1, j] : $0
        }
        sum += strength * squares.squareRoot()
      }
    }
    return sum
  }

  private func problem(_ seed: Seed, holes: Bool = false) throws -> (LinearProblem, [Int]) {
    var random = SplitMix64(seed)
    let n = Int.random(in: 2...30, using: &random)
    let m = Int.random(in: 1...25, using: &random)
    return (
      try LinearProblem(
        PointCloud(
          samplePoints(&random, count: n, dimensions: 2),
          samplePoints(&random, count: m, dimensions: 2)),
        rowMasses: sampleMasses(&random, count: n, holes: holes),
        columnMasses: sampleMasses(&random, count: m, holes: holes)),
      (0..<n).map { _ in Int.random(in: -1...2, using: &random) }
    )
  }

  @Test("primal is what it says, the gap closes, marginals hold", arguments: seeds(8))
  func laws(seed: Seed) throws {
    let (problem, groups) = try problem(seed, holes: seed.value % 2 == 0)
    let answer = try GroupLassoTransport(
      Sinkhorn(.epsilon(0.05), tolerance: 1e-10), groupStrength: 0.1
    ).solve(problem, groups: groups)
    let certificate = answer.solution.certificate
    #expect(certificate.relativeGap <= 1e-6 && certificate.gap > -1e-9)
    #expect(certificate.marginalError < 1e-9)
    let own = try objective(
      problem, groups, answer.solution.coupling.dense(), epsilon: 0.05, strength: 0.1)
    #expect(abs(own - certificate.primal) < 1e-11)
    // No coupling has less than the dual: not Sinkhorn's, not the product.
    let plain = try Sinkhorn(.epsilon(0.05), tolerance: 1e-10).solve(problem)
    let other = try objective(
      problem, groups, plain.coupling.dense(), epsilon: 0.05, strength: 0.1)
    #expect(other >= certificate.dual - 1e-9 && other >= certificate.primal - 1e-6)
  }

  @Test("no strength is Sinkhorn")
  func noStrength() throws {
    let (problem, groups) = try problem(Seed(3))
    let sinkhorn = Sinkhorn(.epsilon(0.05), tolerance: 1e-11)
    let answer = try GroupLassoTransport(sinkhorn, groupStrength: 0, tolerance: 1e-10).solve(
      problem, groups: groups)
    let plain = try sinkhorn.solve(problem)
    #expect(
      difference(answer.solution.coupling.dense().masses, plain.coupling.dense().masses) < 1e-9)
  }

  @Test("targets take from fewer groups the stronger it is; the optimum is no higher than POT's")
  func golden() throws {
    let given = try GoldenProblems.section("groups")
    let problem = try LinearProblem(PointCloud(points(given["x"], 2), points(given["y"], 2)))
    let groups = (0..<24).map { $0 % 3 }
    func solve(_ strength: Double) throws -> GroupLassoTransport.Answer {
      try GroupLassoTransport(
        Sinkhorn(.epsilon(0.2), tolerance: 1e-10), groupStrength: strength, tolerance: 1e-8
      ).solve(problem, groups: groups)
    }
    let answer = try solve(0.5)
    // POT stops 0.4 % above it, after six steps whatever is allowed.
    #expect(answer.solution.certificate.primal <= given["objective"]![0])
    #expect(answer.solution.certificate.primal > given["objective"]![0] - 0.01)
    #expect(answer.groupNorms < given["norms"]![0])
    let (weak, strong) = try (solve(0), solve(2))
    #expect(weak.purity < answer.purity && answer.purity < strong.purity)
    #expect(weak.groupNorms > answer.groupNorms && answer.groupNorms > strong.groupNorms)
  }

  @Test("groups and settings out of range are said exactly")
  func refusals() throws {
    let problem = try LinearProblem(DenseCost([1, 2], rows: 2, columns: 1))
    let solver = GroupLassoTransport(Sinkhorn(.epsilon(1)), groupStrength: -1)
    #expect(
      message { _ = try solver.solve(problem, groups: [0]) }
        == "shape-mismatch: 1 groups for 2 rows (group-lasso transport). Give one group for each row, below 0 for none."
    )
    #expect(
      message { _ = try solver.solve(problem, groups: [0, 1]) }
        == "setting-out-of-range: the group strength is -1.0, the tolerance 1e-06 and stepsMax 500 (group-lasso transport). Give a finite strength of at least 0, and others above 0."
    )
  }
}
