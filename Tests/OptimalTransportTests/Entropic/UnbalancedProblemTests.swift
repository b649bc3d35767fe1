// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

@Suite("Unbalanced problems")
struct UnbalancedProblemTests {
  private func inputs(
    _ seed: Seed, _ n: Int, _ m: Int, total: Double = 1.6, holes: Bool = false
  ) throws -> (cloud: PointCloud, a: [Double], b: [Double]) {
    var random = SplitMix64(seed)
    let cloud = try PointCloud(
      samplePoints(&random, count: n, dimensions: 2), samplePoints(&random, count: m, dimensions: 2)
    )
    let b = sampleMasses(&random, count: m, holes: holes).map { $0 * total }
    return (cloud, sampleMasses(&random, count: n, holes: holes), b)
  }

  private static let penalties: [(MarginalPenalty, MarginalPenalty)] = [
    (.kullbackLeibler(1), .kullbackLeibler(0.2)), (.kullbackLeibler(0.5), .exact),
    (.exact, .kullbackLeibler(2)), (.totalVariation(0.3), .totalVariation(0.1)),
    (.totalVariation(0.4), .exact), (.squares(20), .squares(60)),
    (.squares(30), .kullbackLeibler(0.7)),
  ]

  @Test(
    "primal meets dual, in every form, for every penalty", arguments: seeds(2), penalties.indices)
  func duality(seed: Seed, at: Int) throws {
    let (rows, columns) = Self.penalties[at]
    let (cloud, a, b) = try inputs(seed, 40, 33, holes: seed.value == 2)
    let problem = try UnbalancedProblem(
      cloud, rowMasses: a, columnMasses: b, rowPenalty: rows, columnPenalty: columns)
    var values: [Double] = []
    for form in [Sinkhorn.Form.automatic, .logarithmic] {
      for share in [0.5, 0.05] {
        let solution = try Sinkhorn(
          .shareOfMeanCost(share), tolerance: 1e-9, iterationsMax: 100_000, form: form
        ).solve(problem)
        #expect(abs(solution.certificate.gap) < 1e-7, "\(rows), \(columns)")
        #expect(solution.certificate.gap > -1e-8, "\(rows), \(columns)")
        // No perturbed potentials have a greater dual than the primal (weak duality).
        values.append(solution.certificate.primal)
      }
    }
    #expect(abs(values[0] - values[2]) < 1e-8 && abs(values[1] - values[3]) < 1e-8)
  }

  @Test("the stronger the penalty, the nearer to the balanced problem", arguments: seeds(3))
  func tendsToBalanced(seed: Seed) throws {
    let (cloud, a, b) = try inputs(seed, 25, 31, total: 1)
    let solver = Sinkhorn(.shareOfMeanCost(0.05), tolerance: 1e-10, iterationsMax: 100_000)
    let balanced = try solver.solve(LinearProblem(cloud, rowMasses: a, columnMasses: b))
    for (make, scale) in [
      (MarginalPenalty.kullbackLeibler, 1.0), (MarginalPenalty.squares, 100),
    ] {
      var last = Double.infinity
      for rho in [1.0, 10, 100, 1e4].map({ $0 * scale }) {
        let problem = try UnbalancedProblem(
          cloud, rowMasses: a, columnMasses: b, rowPenalty: make(rho), columnPenalty: make(rho))
        let missing =
          try balanced.certificate.primal - solver.solve(problem).certificate.primal
        #expect(missing > -1e-9 && missing < last)
        last = missing
      }
      #expect(last < 1e-4)
    }
    // Total variation is exact from a finite strength on: that of the potentials.
    let greatest = (balanced.rowPotentials + balanced.columnPotentials).map(abs).max()!
    let problem = try UnbalancedProblem(
      cloud, rowMasses: a, columnMasses: b, rowPenalty: .totalVariation(2 * greatest),
      columnPenalty: .totalVariation(2 * greatest))
    let solution = try solver.solve(problem)
    #expect(abs(solution.certificate.primal - balanced.certificate.primal) < 1e-9)
  }

  @Test("one point a side: the mass solves its equation")
  func byHand() throws {
    // KL on both sides of masses 1, at cost c: log P = −c/(ε + 2ρ).
    let problem = try UnbalancedProblem(
      DenseCost([3], rows: 1, columns: 1), rowPenalty: .kullbackLeibler(0.7),
      columnPenalty: .kullbackLeibler(0.7))
    let solution = try Sinkhorn(.epsilon(0.2), tolerance: 1e-13).solve(problem)
    #expect(abs(solution.certificate.mass - exp(-3 / 1.6)) < 1e-12)
  }

  @Test(
    "squares: the mass solves its equation, also where entropy is far stronger",
    arguments: [1e-3, 1, 1e3], [Sinkhorn.Form.automatic, .logarithmic])
  func squares(epsilon: Double, form: Sinkhorn.Form) throws {
    let (a, b, cost) = (2.0, 0.75, 3.0)
    let problem = try UnbalancedProblem(
      DenseCost([cost], rows: 1, columns: 1), rowMasses: [a], columnMasses: [b],
      rowPenalty: .squares(1), columnPenalty: .squares(5))
    let solution = try Sinkhorn(
      .epsilon(epsilon), tolerance: 1e-10, iterationsMax: 100_000, form: form
    ).solve(problem)
    let mass = solution.certificate.mass
    let slope = cost + epsilon * log(mass / (a * b)) + (mass - a) + 5 * (mass - b)
    #expect(abs(slope) < 1e-6 * max(1, epsilon), "\(mass)")
    #expect(abs(solution.certificate.gap) < 1e-6 * max(1, epsilon))
  }

  @Test("masses of next to nothing beside ε, and strengths of any size, leave numbers")
  func tiny() throws {
    let (cloud, _, b) = try inputs(Seed(6), 5, 6, total: 1)
    for strength in [1e-9, 1, 1e9] {
      let problem = try UnbalancedProblem(
        cloud, rowMasses: [1e-300, 1, 1e-300, .leastNonzeroMagnitude, 1e-20],
        columnMasses: b,
        rowPenalty: .squares(strength), columnPenalty: .squares(strength))
      for epsilon in [1e-3, 1, 1e12, 1e250] {
        let solution = try Sinkhorn(
          .epsilon(epsilon), tolerance: 1e-6, iterationsMax: 1000, unfinished: .isReturned
        ).solve(problem)
        #expect(solution.certificate.primal.isFinite && solution.certificate.marginalError.isFinite)
        #expect(
          solution.certificate.gap >= -1e-9 * max(1, epsilon), "\(strength) \(epsilon)")
      }
    }
  }

  @Test("masses of one side alone are met where the other is penalized")
  func semiRelaxed() throws {
    let (cloud, a, b) = try inputs(Seed(4), 20, 30)
    let problem = try UnbalancedProblem(
      cloud, rowMasses: a, columnMasses: b, rowPenalty: .exact, columnPenalty: .kullbackLeibler(1))
    let solution = try Sinkhorn(.shareOfMeanCost(0.05), tolerance: 1e-10).solve(problem)
    let rows = try solution.coupling.applied(to: Array(repeating: 1, count: 30))
    #expect(zip(rows, a).allSatisfy { abs($0 - $1) < 1e-10 })
    #expect(abs(solution.certificate.mass - 1) < 1e-9)
  }

  @Test("settings out of range are said exactly")
  func refusals() throws {
    let cost = try DenseCost([1, 2], rows: 1, columns: 2)
    #expect(
      message {
        _ = try UnbalancedProblem(cost, rowPenalty: .squares(0), columnPenalty: .exact)
      }
        == "setting-out-of-range: the row penalty's strength is 0.0 (unbalanced problem). Give a strength above 0, of at most 1e+250, or the penalty `.exact`."
    )
    #expect(
      message {
        _ = try UnbalancedProblem(
          cost, rowMasses: [2], rowPenalty: .exact, columnPenalty: .exact)
      }
        == "mass-unequal: rows have a mass of 2.0 and columns of 1.0 (linear problem). Scale one side to the other's total."
    )
  }
}
