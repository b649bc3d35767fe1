// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Matches two tables' rows and columns at once: minimizes `Σ (X_ik − Y_jl)² P_ij Q_kl` over a
/// coupling `P` of their rows and `Q` of their columns (Titouan et al. 2020, equation 1).
///
/// Each coupling is solved exactly with the other held, in turn; the objective never rises. What is
/// proven is that neither can be improved alone.
public struct CoOptimalTransport: Sendable {
  /// A round that lowers the objective by less, as a share of its scale, is the last.
  public var tolerance: Double
  /// How many rounds are made at most.
  public var iterationsMax: Int

  public init(tolerance: Double = 1e-12, iterationsMax: Int = 500) {
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
  }

  /// The couplings found.
  public struct Solution: Sendable {
    /// Of the tables' rows, `[n, n']`; certified at the final `features`.
    public let samples: TransportSolution
    /// Of the tables' columns, `[d, d']`; certified at `samples`.
    public let features: TransportSolution
    /// The objective.
    public let cost: Double
    /// The objective after each round.
    public let costs: [Double]
  }

  /// - Parameters:
  ///   - x: `[n, d]`.
  ///   - y: `[n', d']`.
  ///   - sampleMasses: of the rows of both; nil is equal masses.
  ///   - featureMasses: of the columns of both; nil is equal masses.
  /// - Throws: `.badSetting`, `.badCost` where squares overflow, `.notConverged`, `.cancelled`; mass
  ///   errors as `LinearProblem`.
  public func solve(
    _ x: Points, _ y: Points, sampleMasses: (x: [Double]?, y: [Double]?) = (nil, nil),
    featureMasses: (x: [Double]?, y: [Double]?) = (nil, nil)
  ) throws(TransportError) -> Solution {
    try checkTolerance(tolerance, at: "co-optimal transport")
    let byColumns = (
      try Points(x.byCoordinate, dimensions: x.count),
      try Points(y.byCoordinate, dimensions: y.count)
    )
    let scale = (x.coordinates + y.coordinates).reduce(0) { max($0, $1 * $1) }
    var features: Coupling = try product(
      x.dimensions, y.dimensions, featureMasses.x, featureMasses.y)
    var costs: [Double] = []
    for _ in 0..<max(1, iterationsMax) {
      try checkCancelled("co-optimal transport")
      let samples = try solve(x, y, features, sampleMasses.x, sampleMasses.y)
      let best = try solve(
        byColumns.0, byColumns.1, samples.coupling, featureMasses.x, featureMasses.y)
      let before = costs.last ?? .infinity
      costs.append(best.transportCost)
      if before - best.transportCost <= tolerance * scale {
        return Solution(
          samples: samples, features: best, cost: best.transportCost, costs: costs)
      }
      features = best.coupling
    }
    throw TransportError(
      .notConverged, "after \(iterationsMax) rounds the objective is \(costs.last!)",
      at: "co-optimal transport", remedy: "Raise iterationsMax or tolerance.")
  }

  private func product(
    _ n: Int, _ m: Int, _ a: [Double]?, _ b: [Double]?
  ) throws(TransportError) -> Coupling {
    let problem = try LinearProblem(
      DenseCost(Array(repeating: 0, count: n * m), rows: n, columns: m), rowMasses: a,
      columnMasses: b)
    return .dense(
      DenseCoupling(
        rowCount: n, columnCount: m,
        masses: problem.rowMasses.flatMap { a in
          problem.columnMasses.map { a * $0 / problem.mass }
        }))
  }

  /// The rows' problem where the columns' coupling is known:
  /// `C_ij = Σ_k x_ik² q_k + Σ_l y_jl² q'_l − 2 Σ_kl x_ik Q_kl y_jl`.
  private func solve(
    _ x: Points, _ y: Points, _ columns: Coupling, _ a: [Double]?, _ b: [Double]?
  ) throws(TransportError) -> TransportSolution {
    let (d, e) = (x.dimensions, y.dimensions)
    let q = columns.dense().masses
    var mine = [Double](repeating: 0, count: d)
    var theirs = [Double](repeating: 0, count: e)
    for k in 0..<d {
      for l in 0..<e {
        mine[k] += q[k * e + l]
        theirs[l] += q[k * e + l]
      }
    }
    let mixed = matrixProduct(x.coordinates, q, inner: d)
    var costs = matrixProduct(mixed, y.byCoordinate, inner: e)
    let fromX = matrixProduct(x.coordinates.map { $0 * $0 }, mine, inner: d)
    let fromY = matrixProduct(y.coordinates.map { $0 * $0 }, theirs, inner: e)
    for i in 0..<x.count {
      for j in 0..<y.count {
        costs[i * y.count + j] = fromX[i] + fromY[j] - 2 * costs[i * y.count + j]
      }
    }
    return try NetworkSimplex().solve(
      LinearProblem(
        DenseCost(costs, rows: x.count, columns: y.count), rowMasses: a, columnMasses: b))
  }
}
