// SPDX-License-Identifier: Apache-2.0

import FerryTensors

extension TransportSolution {
  /// How large a gap may be, in units of greatest cost × mass, to be rounding alone.
  static let exactTolerance = 1e-12

  /// A solution of an exact solver from its entries (row after row) and column potentials.
  ///
  /// The row potentials are the c-transform `f_i = min_j (C_ij − g_j)`, so that the dual is
  /// feasible whatever the solver did; primal and dual are summed from the costs themselves.
  init(
    _ problem: LinearProblem, entries: SparseCoupling, columnPotentials g: [Double],
    iterations: Int, magnitude: Double
  ) {
    let n = problem.geometry.rowCount
    var source = RowSource(problem.geometry)
    var f = [Double](repeating: 0, count: n)
    var primal = CompensatedSum()
    var rows = [Double](repeating: 0, count: n)
    var columns = [Double](repeating: 0, count: g.count)
    var k = 0
    for i in 0..<n {
      source.load(i)
      let costs = source.current
      f[i] = CostKernels.least(costs, minus: g.span)!.value
      while k < entries.rows.count, entries.rows[k] == i {
        let mass = entries.masses[k]
        primal.add(mass * costs[entries.columns[k]])
        rows[i] += mass
        columns[entries.columns[k]] += mass
        k += 1
      }
    }
    var dual = CompensatedSum()
    for i in 0..<n { dual.add(problem.rowMasses[i] * f[i]) }
    for j in g.indices { dual.add(problem.columnMasses[j] * g[j]) }
    coupling = .sparse(entries)
    rowPotentials = f
    columnPotentials = g
    transportCost = primal.value
    certificate = Certificate(
      primal: primal.value, dual: dual.value, coupled: rows, columns, problem: problem.rowMasses,
      problem.columnMasses)
    self.iterations = iterations
    isConverged =
      certificate.gap <= Self.exactTolerance * magnitude * problem.mass
      && certificate.marginalError <= Self.exactTolerance * problem.mass
  }
}

/// What a solver does at its limit of iterations.
public enum Unfinished: Sendable {
  /// Throws `.notConverged`, with the state reached attached.
  case fails
  /// Returns the state reached; its `isConverged` is false.
  case isReturned
}

extension TransportSolution {
  /// The solution, or the error that says how far it is from one.
  func settled(
    _ unfinished: Unfinished, solver: String, tolerance: String, remedy: String
  ) throws(TransportError) -> TransportSolution {
    if isConverged || unfinished == .isReturned { return self }
    throw TransportError(
      .notConverged,
      "after \(iterations) iterations the marginal error is \(certificate.marginalError)"
        + " and the gap \(certificate.gap); \(tolerance) was asked for",
      at: solver, remedy: remedy, best: self)
  }
}
