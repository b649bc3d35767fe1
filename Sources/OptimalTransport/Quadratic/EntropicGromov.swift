// SPDX-License-Identifier: Apache-2.0

/// Entropic Gromov–Wasserstein, fused or not: the coupling is that of Sinkhorn at its own gradient
/// (Peyré, Cuturi and Solomon 2016, section 3.2).
///
/// A fixed point is stationary for the objective plus `ε KL(P ‖ a bᵀ)`; what is proven is how far the
/// coupling is from one.
public struct EntropicGromov: Sendable {
  /// Solves each linear problem; its strength is that of the entropy.
  public var sinkhorn: Sinkhorn
  /// The change of the coupling from one problem to the next to reach, L1, as a share of the mass.
  public var tolerance: Double
  /// How many linear problems are solved at most.
  public var iterationsMax: Int

  public init(_ sinkhorn: Sinkhorn, tolerance: Double = 1e-6, iterationsMax: Int = 1_000) {
    self.sinkhorn = sinkhorn
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
  }

  /// The coupling found, and what proves it.
  public struct Solution: Sendable {
    /// Every entry.
    public let coupling: DenseCoupling
    /// The objective, without entropy.
    public let cost: Double
    /// By how much the coupling changed in the last step, L1, as a share of the mass.
    public let change: Double
    /// The last linear problem's solution.
    public let linear: TransportSolution
    /// How many linear problems were solved.
    public let iterations: Int
  }

  /// Solves from the product of the masses, which must have equal totals.
  ///
  /// - Throws: `.unequalMass`, `.badSetting`, `.notConverged`, `.cancelled`; else as `Sinkhorn`.
  public func solve(_ problem: QuadraticProblem) throws(TransportError) -> Solution {
    guard tolerance > 0, tolerance.isFinite, iterationsMax > 0 else {
      throw TransportError(
        .badSetting, "the tolerance is \(tolerance) and iterationsMax \(iterationsMax)",
        at: "entropic gromov-wasserstein", remedy: "Give both above 0.")
    }
    let objective = QuadraticObjective(problem)
    let mass = CompensatedSum.of(problem.columnMasses)
    var coupling = problem.rowMasses.flatMap { a in problem.columnMasses.map { a * $0 / mass } }
    var solver = sinkhorn
    var change = Double.infinity
    for step in 1...iterationsMax {
      try checkCancelled("entropic gromov-wasserstein", error: change)
      let gradient = objective.gradient(objective.loss(coupling))
      let linear = try solver.solve(
        LinearProblem(
          DenseCost(gradient, rows: problem.rowCount, columns: problem.columnCount),
          rowMasses: problem.rowMasses, columnMasses: problem.columnMasses))
      // The strength is that of the first gradient; later ones differ little, and so do potentials.
      if case .implicit(let entropic) = linear.coupling {
        solver.strength = .epsilon(entropic.epsilon)
      }
      let next = linear.coupling.dense()
      change = CompensatedSum.of(zip(next.masses, coupling).lazy.map { abs($0 - $1) }) / mass
      coupling = next.masses
      if change <= tolerance {
        return Solution(
          coupling: next, cost: objective.value(coupling, objective.loss(coupling)),
          change: change, linear: linear, iterations: step)
      }
    }
    throw TransportError(
      .notConverged, "after \(iterationsMax) problems the coupling still changes by \(change)",
      at: "entropic gromov-wasserstein",
      remedy: "Raise iterationsMax, tolerance or the strength of the entropy.")
  }
}
