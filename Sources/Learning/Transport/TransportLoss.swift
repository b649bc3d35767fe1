// SPDX-License-Identifier: Apache-2.0

public import FerryOptimalTransport

/// What it takes to move one batch of points onto another, as a loss of both: every point weighs the
/// same.
///
/// The problem is solved in f64 outside the engine; the gradient is that of the envelope theorem, at
/// the solution (Feydy et al. 2019, section 3.2). A loss that does not converge throws.
public struct TransportLoss: Sendable {
  /// Which cost it is.
  public enum Kind: Sendable {
    /// The least cost. Its gradient is that of one best coupling, and jumps where that changes.
    case exact
    /// `W_ε = min ⟨C, P⟩ + ε KL(P ‖ a bᵀ)`, which is smooth, and not 0 between equal batches.
    case entropic(Sinkhorn)
    /// The Sinkhorn divergence: smooth, and 0 between equal batches.
    case divergence(Sinkhorn)
  }

  /// Where gradients are wanted; each side takes its time.
  public enum Sides: Sendable {
    /// By the first batch alone: the other is data.
    case first
    /// By both.
    case both
  }

  /// Which cost it is.
  public var kind: Kind
  /// What moving one unit of mass costs.
  public var cost: PointCost
  /// Where gradients are wanted.
  public var sides: Sides

  /// A loss; a custom cost has no gradient.
  public init(_ kind: Kind, cost: PointCost = .squaredEuclidean, sides: Sides = .both) {
    self.kind = kind
    self.cost = cost
    self.sides = sides
  }

  /// The loss of moving `x: [n, d]` onto `y: [m, d]`, one number.
  ///
  /// - Throws: `LearningError.shapeMismatch` for tensors that are no points, else as the solver:
  ///   `TransportError.notConverged` among them.
  public func callAsFunction(_ x: Tensor, _ y: Tensor) throws -> Tensor {
    var potentials: Potentials?
    return try self(x, y, from: &potentials)
  }

  /// The same, from potentials of the step before: it pays where the same points have moved a little.
  ///
  /// - Parameter potentials: nil, or those of as many points, where the solver starts; afterwards
  ///   those of the solution. Exact solvers start anew.
  public func callAsFunction(
    _ x: Tensor, _ y: Tensor, from potentials: inout Potentials?
  ) throws -> Tensor {
    let cloud = try PointCloud(x.points(), y.points(), cost: cost)
    let problem = try LinearProblem(cloud)
    func started(_ sinkhorn: Sinkhorn) -> Sinkhorn {
      var solver = sinkhorn
      solver.initial = potentials ?? sinkhorn.initial
      return solver
    }
    switch kind {
    case .exact:
      let solution = try ExactTransport().solve(problem)
      potentials = solution.potentials
      return try loss(x, y, solution.transportCost, solution, cloud, problem)
    case .entropic(let sinkhorn):
      let solution = try started(sinkhorn).solve(problem)
      potentials = solution.potentials
      return try loss(x, y, solution.certificate.dual, solution, cloud, problem)
    case .divergence(let sinkhorn):
      let divergence = SinkhornDivergence(started(sinkhorn))
      let value = try divergence(cloud)
      potentials = value.cross.potentials
      var slopes = [(of: x, by: try divergence.sourceGradient(of: value, cloud))]
      if sides == .both {
        slopes.append((of: y, by: try divergence.targetGradient(of: value, cloud)))
      }
      return try Tensor.known(value.divergence, slopes: slopes)
    }
  }

  private func loss(
    _ x: Tensor, _ y: Tensor, _ value: Double, _ solution: TransportSolution, _ cloud: PointCloud,
    _ problem: LinearProblem
  ) throws -> Tensor {
    let gradient = try TransportGradient(of: solution, cloud, problem: problem)
    let own = [(of: x, by: gradient.sources)]
    return try Tensor.known(
      value, slopes: sides == .both ? own + [(of: y, by: gradient.targets)] : own)
  }
}
