// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// The Sinkhorn divergence `S_ε = W_ε(x, y) − W_ε(x, x)/2 − W_ε(y, y)/2` of two weighted point
/// clouds: 0 for equal ones, above 0 else for costs with a positive kernel (Feydy et al. 2019,
/// equation 3 and theorem 1).
///
/// `W_ε` is the dual value with entropy relative to the product of the masses. The two symmetric
/// terms take the averaged fixed point, a few tens of passes (Feydy et al. 2019, section 3.1).
public struct SinkhornDivergence: Sendable {
  /// How each of the three problems is solved. A share of the mean cost is that of `x` and `y`.
  public var solver: Sinkhorn

  /// A divergence by a solver.
  public init(_ solver: Sinkhorn) { self.solver = solver }

  /// The divergence and what it is made of.
  public struct Value: Sendable {
    /// `S_ε`, in cost × mass; below 0 by the solver's tolerance at most.
    public let divergence: Double
    /// `W_ε(x, y)`, with its certificate.
    public let cross: TransportSolution
    /// `W_ε(x, x)` and `W_ε(y, y)`.
    public let own: (sources: Double, targets: Double)
    /// Potentials of the sources' points, `[n]`: the gradient of `S_ε` with respect to their
    /// masses, up to a constant.
    public let rowPotentials: [Double]
    /// The same of the targets' points, `[m]`.
    public let columnPotentials: [Double]
  }

  /// Solves the three problems.
  ///
  /// - Parameters:
  ///   - cloud: points and cost; the cost must be symmetric, and 0 between equal points.
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses, with the other side's total or 1.
  ///   - columnMasses: `[m]`, likewise.
  /// - Throws: as `Sinkhorn.solve`; `.notConverged` from the symmetric problems has no state.
  public func callAsFunction(
    _ cloud: PointCloud, rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) -> Value {
    let problem = try LinearProblem(cloud, rowMasses: rowMasses, columnMasses: columnMasses)
    let cross = try solver.solve(problem)
    let coupling = Self.entropic(cross)
    let sources = try own(
      PointCloud(cloud.sources, cloud.sources, cost: cloud.cost), problem.rowMasses,
      coupling.epsilon)
    let targets = try own(
      PointCloud(cloud.targets, cloud.targets, cost: cloud.cost), problem.columnMasses,
      coupling.epsilon)
    return Value(
      divergence: cross.certificate.dual - (sources.value + targets.value) / 2, cross: cross,
      own: (sources.value, targets.value),
      rowPotentials: zip(cross.rowPotentials, sources.potentials).map { $0 - $1 },
      columnPotentials: zip(cross.columnPotentials, targets.potentials).map { $0 - $1 })
  }

  /// The divergence of clouds whose masses need not be met: `W_ε(x, y) − W_ε(x, x)/2 − W_ε(y, y)/2 +
  /// ε/2 (m_x − m_y)²`, where `m` are the totals (Séjourné et al. 2019, equation 12).
  ///
  /// - Parameters:
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses of total 1.
  ///   - columnMasses: `[m]`, likewise, of any total.
  ///   - penalty: what missing a mass costs, on both sides.
  /// - Throws: as `Sinkhorn.solve`.
  public func callAsFunction(
    _ cloud: PointCloud, rowMasses: [Double]? = nil, columnMasses: [Double]? = nil,
    penalty: MarginalPenalty
  ) throws(TransportError) -> Value {
    let problem = try UnbalancedProblem(
      cloud, rowMasses: rowMasses, columnMasses: columnMasses, rowPenalty: penalty,
      columnPenalty: penalty)
    let cross = try solver.solve(problem)
    let coupling = Self.entropic(cross)
    var alone = solver
    alone.strength = .epsilon(coupling.epsilon)
    alone.initial = nil
    func own(_ points: Points, _ masses: [Double]) throws(TransportError) -> TransportSolution {
      try alone.solve(
        UnbalancedProblem(
          PointCloud(points, points, cost: cloud.cost), rowMasses: masses, columnMasses: masses,
          rowPenalty: penalty, columnPenalty: penalty))
    }
    let sources = try own(cloud.sources, problem.rowMasses)
    let targets = try own(cloud.targets, problem.columnMasses)
    let excess =
      CompensatedSum.of(problem.rowMasses) - CompensatedSum.of(problem.columnMasses)
    return Value(
      divergence: cross.certificate.dual
        - (sources.certificate.dual + targets.certificate.dual) / 2
        + coupling.epsilon / 2 * excess * excess,
      cross: cross, own: (sources.certificate.dual, targets.certificate.dual),
      rowPotentials: zip(cross.rowPotentials, sources.rowPotentials).map { $0 - $1 },
      columnPotentials: zip(cross.columnPotentials, targets.rowPotentials).map { $0 - $1 })
  }

  /// The gradient of a balanced divergence with respect to the sources' coordinates, `[n, d]`: that of
  /// `W_ε(x, y)` minus that of `W_ε(x, x)` with respect to one of its sides.
  ///
  /// - Throws: as `TransportGradient`.
  public func sourceGradient(
    of value: Value, _ cloud: PointCloud
  ) throws(TransportError) -> [Double] {
    let coupling = Self.entropic(value.cross)
    let own = zip(value.cross.rowPotentials, value.rowPotentials).map { $0 - $1 }
    return try gradient(
      of: value, cloud, isTurned: false, cloud.sources, own: own, masses: coupling.a)
  }

  /// The same with respect to the targets' coordinates, `[m, d]`.
  ///
  /// - Throws: as `TransportGradient`.
  public func targetGradient(
    of value: Value, _ cloud: PointCloud
  ) throws(TransportError) -> [Double] {
    let coupling = Self.entropic(value.cross)
    let own = zip(value.cross.columnPotentials, value.columnPotentials).map { $0 - $1 }
    let turned = try PointCloud(cloud.targets, cloud.sources, cost: cloud.cost)
    return try gradient(
      of: value, turned, isTurned: true, cloud.targets, own: own, masses: coupling.b)
  }

  private func gradient(
    of value: Value, _ cloud: PointCloud, isTurned: Bool, _ points: Points, own: [Double],
    masses: [Double]
  ) throws(TransportError) -> [Double] {
    let cross = try TransportGradient.ofPoints(
      cloud, value.cross.coupling, isTurned: isTurned, solver.threads)
    let itself = try PointCloud(points, points, cost: cloud.cost)
    let alone = try TransportGradient.ofPoints(
      itself,
      .implicit(
        EntropicCoupling(
          geometry: itself, f: own, g: own, a: masses, b: masses,
          epsilon: Self.entropic(value.cross).epsilon)), isTurned: false, solver.threads)
    return zip(cross, alone).map { $0 - $1 }
  }

  private static func entropic(_ solution: TransportSolution) -> EntropicCoupling {
    guard case .implicit(let coupling) = solution.coupling else {
      preconditionFailure("entropic couplings are implicit")
    }
    return coupling
  }

  /// The problem of masses with themselves: one potential, `f ← (f + T f)/2`.
  ///
  /// Starts at 0, where every entry is at most 1 and those of a point with itself are 1: nothing
  /// overflows or vanishes at any ε.
  private func own(
    _ cloud: PointCloud, _ a: [Double], _ epsilon: Double
  ) throws(TransportError) -> (value: Double, potentials: [Double]) {
    let mass = CompensatedSum.of(a)
    var source = try RowSource(holding: cloud)
    var f = [Double](repeating: 0, count: a.count)
    var sums = f
    var error = Double.infinity
    for _ in 0..<solver.iterationsMax {
      try checkCancelled("sinkhorn divergence", error: error)
      error = 0
      for i in a.indices {
        source.load(i)
        sums[i] = CostKernels.gibbsSum(
          a.span, source.current, f.span, f: f[i], rate: 1 / epsilon)
        error += a[i] * abs(sums[i] - 1)
      }
      if error <= solver.tolerance * mass {
        let entropy = CompensatedSum.of(a, times: sums)
        let value = 2 * CompensatedSum.of(a, times: f) + epsilon * (mass * mass - entropy)
        return (value, f)
      }
      for i in a.indices { f[i] -= epsilon / 2 * log(max(sums[i], 1e-300)) }
    }
    throw TransportError(
      .notConverged,
      "after \(solver.iterationsMax) iterations the marginal error is \(error); a marginal error"
        + " of \(solver.tolerance * mass) was asked for",
      at: "sinkhorn divergence, epsilon \(epsilon)",
      remedy: "Raise iterationsMax, epsilon or tolerance.")
  }
}
