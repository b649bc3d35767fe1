// SPDX-License-Identifier: Apache-2.0

import FerryBasics
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
    iterations: Int, magnitude: Double, threads: Threads = .one
  ) {
    let n = problem.geometry.rowCount
    let source = RowSource(problem.geometry)
    var starts = [Int](repeating: 0, count: n + 1)
    for row in entries.rows { starts[row + 1] += 1 }
    for i in 0..<n { starts[i + 1] += starts[i] }
    let first = starts
    let least = SharedBuffer<Double>(count: n)
    let costOf = SharedBuffer<Double>(count: entries.rows.count)
    let parts = RowParts(rows: n, columns: g.count)
    threads.forEach(parts.count, with: source) { source, part in
      for i in parts[part] {
        source.load(i)
        let costs = source.current
        least[i] = CostKernels.least(costs, minus: g.span)!.value
        for k in first[i]..<first[i + 1] { costOf[k] = costs[entries.columns[k]] }
      }
    }
    let f = least.array()
    var primal = CompensatedSum()
    var rows = [Double](repeating: 0, count: n)
    var columns = [Double](repeating: 0, count: g.count)
    for k in entries.rows.indices {
      let mass = entries.masses[k]
      primal.add(mass * costOf[k])
      rows[entries.rows[k]] += mass
      columns[entries.columns[k]] += mass
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
