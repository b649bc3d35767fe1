// SPDX-License-Identifier: Apache-2.0

/// What proves a solution: measured from the coupling and the potentials that are returned, not
/// from how the solver went.
public struct Certificate: Sendable, Equatable {
  /// The objective at the coupling, in cost × mass: `⟨C, P⟩`, and where entropic strength ε is not
  /// 0, also `ε KL(P ‖ a bᵀ)`.
  public let primal: Double
  /// The dual objective at the potentials: no coupling with the right marginals has less. Exact
  /// up to the rounding of the sums.
  public let dual: Double
  /// `‖P 1 − a‖₁`, in mass.
  public let rowError: Double
  /// `‖Pᵀ 1 − b‖₁`, in mass.
  public let columnError: Double
  /// The greatest error of one row or column, in mass.
  public let largestError: Double
  /// The mass that the coupling moves.
  public let mass: Double

  /// Primal minus dual. At or near 0 the coupling is optimal; below 0 only by what the marginal
  /// errors allow.
  public var gap: Double { primal - dual }
  /// The gap in units of the objective: 0 where both are 0.
  public var relativeGap: Double {
    let scale = max(abs(primal), abs(dual))
    return scale == 0 ? 0 : gap / scale
  }
  /// Both marginal errors together, L1, in mass.
  public var marginalError: Double { rowError + columnError }

  init(
    primal: Double, dual: Double, coupled rows: [Double], _ columns: [Double],
    problem a: [Double], _ b: [Double]
  ) {
    self.primal = primal
    self.dual = dual
    let rowErrors = zip(rows, a).map { abs($0 - $1) }
    let columnErrors = zip(columns, b).map { abs($0 - $1) }
    rowError = CompensatedSum.of(rowErrors)
    columnError = CompensatedSum.of(columnErrors)
    largestError = max(rowErrors.max() ?? 0, columnErrors.max() ?? 0)
    mass = CompensatedSum.of(rows)
  }
}

/// What a solver found, and what proves it.
public struct TransportSolution: Sendable {
  /// How much mass goes from each row to each column.
  public let coupling: Coupling
  /// Dual potentials of the rows, `f: [n]`, in the unit of cost.
  ///
  /// Exact solvers: `f_i + g_j ≤ C_ij`, equal where mass moves. Entropic ones:
  /// `P_ij = a_i b_j exp((f_i + g_j − C_ij)/ε)`.
  public let rowPotentials: [Double]
  /// Dual potentials of the columns, `g: [m]`, in the unit of cost.
  public let columnPotentials: [Double]
  /// `⟨C, P⟩`, in cost × mass: a *cost*, not a distance (no root is taken).
  public let transportCost: Double
  /// Primal, dual, gap and marginal errors.
  public let certificate: Certificate
  /// What the solver counts: pivots, searches, or passes over the cost.
  public let iterations: Int
  /// Whether the certificate meets the solver's tolerance.
  public let isConverged: Bool
}
