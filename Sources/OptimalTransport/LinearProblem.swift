// SPDX-License-Identifier: Apache-2.0

/// Move masses `a: [n]` on rows to masses `b: [m]` on columns at least cost `⟨C, P⟩`.
public struct LinearProblem: Sendable {
  /// What moving costs.
  public let geometry: any CostGeometry
  /// Mass at each source, `[n]`, at least 0.
  public let rowMasses: [Double]
  /// Mass at each target, `[m]`, at least 0; scaled so that its total is that of the sources.
  public let columnMasses: [Double]
  /// The total mass, above 0.
  public let mass: Double

  /// How far the two totals may differ, relatively, before that is an error and not rounding.
  static let totalsTolerance = 1e-9
  /// Masses are at most this in all: see `CostRange.strengthLimit`.
  static let totalLimit = 1e25

  /// - Parameters:
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses, with the other side's total or 1.
  ///   - columnMasses: `[m]`, likewise.
  /// - Throws: `.shapeMismatch` where counts differ from the geometry's; `.badMass` for masses that
  ///   are negative, not finite or all zero; `.unequalMass` where the totals differ by more than
  ///   1e-9 of the greater.
  public init(
    _ geometry: any CostGeometry, rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) {
    self.geometry = geometry
    let rowTotal = try rowMasses.map { (masses) throws(TransportError) in
      try Self.total(masses, count: geometry.rowCount, side: "row")
    }
    let columnTotal = try columnMasses.map { (masses) throws(TransportError) in
      try Self.total(masses, count: geometry.columnCount, side: "column")
    }
    mass = rowTotal ?? columnTotal ?? 1
    let n = geometry.rowCount
    let m = geometry.columnCount
    self.rowMasses = rowMasses ?? Array(repeating: mass / Double(n), count: n)
    guard let columnMasses, let columnTotal else {
      self.columnMasses = Array(repeating: mass / Double(m), count: m)
      return
    }
    guard abs(mass - columnTotal) <= Self.totalsTolerance * max(mass, columnTotal) else {
      throw TransportError(
        .unequalMass, "rows have a mass of \(mass) and columns of \(columnTotal)",
        at: "linear problem", remedy: "Scale one side to the other's total.")
    }
    let scale = mass / columnTotal
    self.columnMasses = scale == 1 ? columnMasses : columnMasses.map { $0 * scale }
  }

  /// Masses that were checked, the two totals free to differ.
  init(unequal geometry: any CostGeometry, rowMasses: [Double], columnMasses: [Double]) {
    self.geometry = geometry
    self.rowMasses = rowMasses
    self.columnMasses = columnMasses
    mass = CompensatedSum.of(rowMasses)
  }

  static func total(
    _ masses: [Double], count: Int, side: String
  ) throws(TransportError) -> Double {
    guard masses.count == count else {
      throw TransportError(
        .shapeMismatch, "\(masses.count) masses for \(count) \(side)s", at: "\(side) masses",
        remedy: "Give one mass for each \(side).")
    }
    if let bad = masses.firstIndex(where: { !($0 >= 0) || !$0.isFinite }) {
      throw TransportError(
        .badMass, "the mass is \(masses[bad])", at: "\(side) \(bad)",
        remedy: "Masses must be finite and at least 0.")
    }
    let total = CompensatedSum.of(masses)
    guard total > 0, total <= Self.totalLimit else {
      throw TransportError(
        .badMass, "the total mass is \(total)", at: "\(side) masses",
        remedy: "Give at least one mass above 0, and a total of at most \(Self.totalLimit).")
    }
    return total
  }
}
