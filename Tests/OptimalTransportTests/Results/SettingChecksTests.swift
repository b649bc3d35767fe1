// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Testing

/// A solver whose tolerance is a marginal error.
private struct MarginalSolver: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let solve: @Sendable (LinearProblem, Double) throws -> Void

  init(_ name: String, _ solve: @escaping @Sendable (LinearProblem, Double) throws -> Void) {
    testDescription = name
    self.solve = solve
  }
}

@Suite("Settings of solvers")
struct SettingChecksTests {
  private static let solvers: [MarginalSolver] = [
    MarginalSolver("sinkhorn") { _ = try Sinkhorn(.epsilon(1), tolerance: $1).solve($0) },
    MarginalSolver("sinkhorn-newton") {
      _ = try SinkhornNewton(.epsilon(1), tolerance: $1).solve($0)
    },
    MarginalSolver("sinkhorn-newton, handover") {
      _ = try SinkhornNewton(.epsilon(1), handover: $1).solve($0)
    },
    MarginalSolver("greenkhorn") { _ = try Greenkhorn(.epsilon(1), tolerance: $1).solve($0) },
    MarginalSolver("smooth transport") {
      _ = try SmoothTransport(.squares(1), tolerance: $1).solve($0)
    },
    MarginalSolver("entropic partial") {
      _ = try EntropicPartial(mass: 0.5, epsilon: 1, tolerance: $1).solve(
        $0.geometry, rowMasses: $0.rowMasses, columnMasses: $0.columnMasses)
    },
    MarginalSolver("progressive partial") {
      _ = try ProgressivePartial(share: 0.5, tolerance: $1).solve($0.geometry)
    },
    MarginalSolver("multi-marginal") {
      _ = try MultiMarginal(epsilon: 1, tolerance: $1).solve(
        costs: allCosts($0.geometry), measures: [$0.rowMasses, $0.columnMasses])
    },
    MarginalSolver("barycenter") {
      _ = try FixedSupportBarycenter(epsilon: 1, tolerance: $1).solve(
        $0.geometry, measures: [$0.rowMasses, $0.columnMasses])
    },
    MarginalSolver("uniform to points") {
      _ = try UniformToPoints(
        domain: [[0, 0], [1, 0], [1, 1], [0, 1]], tolerance: $1
      ).solve(Points([0.25, 0.5, 0.75, 0.5], dimensions: 2), masses: $0.columnMasses)
    },
  ]

  @Test(
    "every solver refuses what any coupling meets, and takes what one may miss", arguments: solvers)
  fileprivate func range(solver: MarginalSolver) throws {
    let problem = try LinearProblem(
      DenseCost([0, 1, 1, 0], rows: 2, columns: 2), rowMasses: [0.25, 0.75],
      columnMasses: [0.75, 0.25])
    try solver.solve(problem, 2.0.nextDown)
    for tolerance in [2, .infinity, 0, -1e-9, .nan] {
      #expect(
        message { try solver.solve(problem, tolerance) }
          == "setting-out-of-range: the tolerance is \(tolerance) (\(solver.testDescription)). Give a marginal error above 0 and below 2, which any coupling meets; 1e-6 is usual."
      )
    }
  }

  @Test("shares of other kinds must be numbers above 0, too", arguments: [0, -1, .nan, .infinity])
  func shares(tolerance: Double) throws {
    let x = try Points([0, 1, 2], dimensions: 1)
    let remedy = "Give a finite tolerance above 0."
    #expect(
      message { _ = try WeakTransport(tolerance: tolerance).solve(x, x) }
        == "setting-out-of-range: the tolerance is \(tolerance) (weak transport). \(remedy)")
    #expect(
      message {
        _ = try FreeSupportBarycenter(tolerance: tolerance).solve(
          [PointMeasure(x)], start: PointMeasure(x))
      } == "setting-out-of-range: the tolerance is \(tolerance) (barycenter). \(remedy)")
    #expect(
      message { _ = try CoOptimalTransport(tolerance: tolerance).solve(x, x) }
        == "setting-out-of-range: the tolerance is \(tolerance) (co-optimal transport). \(remedy)")
  }
}
