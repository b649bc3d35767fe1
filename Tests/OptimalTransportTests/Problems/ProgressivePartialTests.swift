// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

@Suite("Progressive and semantic partial transport")
struct ProgressivePartialTests {
  /// Negative logarithms of random probabilities.
  private func sampleCosts(_ random: inout SplitMix64, _ n: Int, _ k: Int) throws -> DenseCost {
    var costs: [Double] = []
    for _ in 0..<n {
      let row = (0..<k).map { _ in exp(Double.random(in: 0...5, using: &random)) }
      costs += row.map { -log($0 / row.reduce(0, +)) }
    }
    return try DenseCost(costs, rows: n, columns: k)
  }

  @Test("rows bounded, the share moved, primal is dual", arguments: seeds(10), [0.1, 0.6, 1])
  func laws(seed: Seed, share: Double) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...40, using: &random)
    let k = Int.random(in: 1...6, using: &random)
    let costs = try sampleCosts(&random, n, k)
    let solution = try ProgressivePartial(share: share).solve(costs)
    let rows = try Coupling.dense(solution.coupling).applied(to: Array(repeating: 1, count: k))
    #expect(rows.allSatisfy { $0 <= 1 / Double(n) + 1e-12 })
    #expect(abs(rows.reduce(0, +) - share) < 1e-8)
    #expect(abs(solution.certificate.gap) < 1e-7)
    #expect(
      difference(
        solution.sizes,
        try Coupling.dense(solution.coupling)
          .transposeApplied(to: Array(repeating: 1, count: n))) < 1e-14)
  }

  @Test("dear sizes and all of the mass: balanced transport")
  func balanced() throws {
    var random = SplitMix64(Seed(4))
    let costs = try sampleCosts(&random, 30, 5)
    let prior = sampleMasses(&random, count: 5)
    let solution = try ProgressivePartial(share: 1, epsilon: 0.3, sizePenalty: 1e9).solve(
      costs, prior: prior)
    let sinkhorn = try Sinkhorn(.epsilon(0.3), tolerance: 1e-11).solve(
      LinearProblem(costs, columnMasses: prior))
    #expect(difference(solution.coupling.masses, sinkhorn.coupling.dense().masses) < 1e-7)
  }

  @Test("the certain come first: a smaller share leaves out what is dearest")
  func order() throws {
    // Two clusters, one sample sure of each and one of neither.
    let costs = try DenseCost([0, 9, 9, 0, 2, 2], rows: 3, columns: 2)
    let solution = try ProgressivePartial(share: 2.0 / 3).solve(costs)
    let rows = try Coupling.dense(solution.coupling).applied(to: [1, 1])
    #expect(rows[0] > 0.333 && rows[1] > 0.333 && rows[2] < 1e-3)
  }

  @Test("costs of hundreds of ε, and a prior of 0", arguments: [1.0, 0.5])
  func extremes(share: Double) throws {
    let costs = try DenseCost([0, 900, 500, 0, 700, 0, 0, 300, 2], rows: 3, columns: 3)
    let solution = try ProgressivePartial(share: share, epsilon: 0.05).solve(
      costs, prior: [1, 1, 0])
    #expect(solution.sizes[2] == 0 && abs(solution.sizes.reduce(0, +) - share) < 1e-8)
    #expect(solution.coupling.masses.allSatisfy { $0.isFinite && $0 >= 0 })
  }

  @Test(
    "alike samples: the objective never rises, and unsure ones follow their like",
    arguments: seeds(5))
  func semantic(seed: Seed) throws {
    var random = SplitMix64(seed)
    let (n, k) = (30, 3)
    let costs = try sampleCosts(&random, n, k)
    var pairs: [(row: Int, column: Int, weight: Double)] = []
    // Samples 0, 3, 6… are alike, and so on; the diagonal makes S + Sᵀ positive.
    for i in 0..<n {
      pairs.append((i, i, 10))
      for j in 0..<n where i != j && i % k == j % k { pairs.append((i, j, 1)) }
    }
    let alike = try Similarity(count: n, pairs: pairs)
    let solution = try SemanticPartial(ProgressivePartial(share: 0.8), attraction: 20).solve(
      costs, similarity: alike)
    #expect(solution.objectives.count >= 2)
    #expect(
      zip(solution.objectives, solution.objectives.dropFirst()).allSatisfy { $1 <= $0 + 1e-8 })
    let none = try SemanticPartial(ProgressivePartial(share: 0.8), attraction: 0).solve(
      costs, similarity: alike)
    let plain = try ProgressivePartial(share: 0.8).solve(costs)
    #expect(difference(none.assignment.coupling.masses, plain.coupling.masses) < 1e-7)
  }

  @Test("two that would only change places stay: a step that raises the objective is not taken")
  func swap() throws {
    // Without a diagonal, S + Sᵀ has the eigenvalues 1 and −1.
    let alike = try Similarity(count: 2, pairs: [(0, 1, 1)])
    let costs = try DenseCost([0, 1, 1, 0], rows: 2, columns: 2)
    let inner = ProgressivePartial(share: 1, epsilon: 0.05)
    let solution = try SemanticPartial(inner, attraction: 10).solve(costs, similarity: alike)
    let plain = try inner.solve(costs).coupling
    #expect(solution.objectives.count == 1)
    #expect(difference(solution.assignment.coupling.masses, plain.masses) < 1e-9)
    #expect(plain[0, 0] > 0.49 && plain[1, 1] > 0.49)
  }

  @Test("the nearest are alike")
  func nearest() throws {
    let points = try Points([0, 0.1, 5, 5.2], dimensions: 1)
    let alike = try Similarity(nearest: points, neighbors: 1, bandwidth: 1)
    // A sample certain of a cluster draws its neighbor, which is certain of nothing.
    let costs = try DenseCost([0, 5, 2, 2, 5, 0, 2, 2], rows: 4, columns: 2)
    let solution = try SemanticPartial(
      ProgressivePartial(share: 1), attraction: 10
    ).solve(costs, similarity: alike)
    let q = solution.assignment.coupling
    #expect(q[1, 0] > 10 * q[1, 1] && q[3, 1] > 10 * q[3, 0])
  }

  @Test("settings out of range are refused")
  func refusals() throws {
    let costs = try DenseCost([0, 1], rows: 1, columns: 2)
    #expect(
      message { _ = try ProgressivePartial(share: 0).solve(costs) }
        == "setting-out-of-range: the share is 0.0 and the size penalty 1.0 (progressive partial). Give a share above 0 and at most 1, and a penalty above 0."
    )
    #expect(
      message {
        _ = try SemanticPartial(ProgressivePartial(share: 1), attraction: 1).solve(
          costs, similarity: Similarity(count: 2, pairs: []))
      }
        == "shape-mismatch: 2 samples are alike, of 1; the attraction is 1.0 (semantic partial). Give the similarity of the rows and an attraction of at least 0."
    )
  }
}
