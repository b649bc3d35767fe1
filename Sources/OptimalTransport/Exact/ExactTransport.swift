// SPDX-License-Identifier: Apache-2.0

/// The cheapest coupling, by whichever exact solver fits the masses: `Assignment` where all are
/// equal and there are as many rows as columns, else `NetworkSimplex`.
public struct ExactTransport: TransportSolver {
  /// Solves what is no assignment.
  public var simplex: NetworkSimplex

  /// - Parameter simplex: solves what is no assignment; its limit of pivots is the only one.
  public init(simplex: NetworkSimplex = NetworkSimplex()) { self.simplex = simplex }

  /// Solves the problem.
  ///
  /// - Returns: as `NetworkSimplex.solve`; `iterations` counts what the chosen solver counts.
  /// - Throws: as `NetworkSimplex.solve`.
  public func solve(_ problem: LinearProblem) throws(TransportError) -> TransportSolution {
    Self.isAssignment(problem) ? try Assignment().solve(problem) : try simplex.solve(problem)
  }

  private static func isAssignment(_ problem: LinearProblem) -> Bool {
    let n = problem.rowMasses.count
    let each = problem.mass / Double(n)
    // The bound is that of `Assignment`.
    func isEqual(_ mass: Double) -> Bool { abs(mass - each) <= 1e-12 * each }
    return n == problem.columnMasses.count && problem.rowMasses.allSatisfy(isEqual)
      && problem.columnMasses.allSatisfy(isEqual)
  }
}
