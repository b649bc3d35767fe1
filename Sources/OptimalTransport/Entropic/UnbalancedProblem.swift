// SPDX-License-Identifier: Apache-2.0

/// Move masses where they need not be met exactly: `⟨C, P⟩` plus what each side's marginals cost.
public struct UnbalancedProblem: Sendable {
  /// What moving costs.
  public let geometry: any CostGeometry
  /// Mass at each source, `[n]`, at least 0.
  public let rowMasses: [Double]
  /// Mass at each target, `[m]`, at least 0; the two totals may differ.
  public let columnMasses: [Double]
  /// What it costs that rows move another mass than theirs.
  public let rowPenalty: MarginalPenalty
  /// The same of the columns.
  public let columnPenalty: MarginalPenalty

  /// - Parameters:
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses of total 1.
  ///   - columnMasses: `[m]`, likewise.
  ///   - rowPenalty: `.exact` on one side alone is the semi-relaxed problem.
  /// - Throws: `.shapeMismatch` where counts differ from the geometry's; `.badMass` for masses that
  ///   are negative, not finite or all zero; `.badSetting` for a penalty's strength that is not a
  ///   finite number above 0; `.unequalMass` where both sides are exact and their totals differ by
  ///   more than 1e-9.
  public init(
    _ geometry: any CostGeometry, rowMasses: [Double]? = nil, columnMasses: [Double]? = nil,
    rowPenalty: MarginalPenalty, columnPenalty: MarginalPenalty
  ) throws(TransportError) {
    try rowPenalty.checked("row")
    try columnPenalty.checked("column")
    let n = geometry.rowCount
    let m = geometry.columnCount
    let a = rowMasses ?? Array(repeating: 1 / Double(n), count: n)
    let b = columnMasses ?? Array(repeating: 1 / Double(m), count: m)
    _ = try LinearProblem.total(a, count: n, side: "row")
    _ = try LinearProblem.total(b, count: m, side: "column")
    if rowPenalty == .exact, columnPenalty == .exact {
      let balanced = try LinearProblem(geometry, rowMasses: a, columnMasses: b)
      self.rowMasses = balanced.rowMasses
      self.columnMasses = balanced.columnMasses
    } else {
      self.rowMasses = a
      self.columnMasses = b
    }
    self.geometry = geometry
    self.rowPenalty = rowPenalty
    self.columnPenalty = columnPenalty
  }
}
