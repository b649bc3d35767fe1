// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Moves a given share of the mass, the cheapest, and leaves the rest: minimizes `⟨C, P⟩` where
/// rows give at most `a`, columns take at most `b`, and `s` moves in all.
///
/// Exact: a dummy row and a dummy column hold what does not move, at no cost, and nothing may go
/// from one to the other (Chapel, Alaya and Gasso 2020, proposition 1).
public struct PartialTransport: Sendable {
  /// The mass to move, above 0.
  public var mass: Double
  /// Solves the problem with the dummies.
  public var solver: NetworkSimplex

  /// - Parameters:
  ///   - mass: what moves, above 0 and at most the lesser of both sides' totals.
  ///   - solver: for the problem with the dummies.
  public init(mass: Double, solver: NetworkSimplex = NetworkSimplex()) {
    self.mass = mass
    self.solver = solver
  }

  /// What moves, and what proves that nothing cheaper would do.
  public struct Solution: Sendable {
    /// How much goes from each row to each column; sparse, `mass` in all.
    public let coupling: SparseCoupling
    /// `⟨C, P⟩`.
    public let transportCost: Double
    /// `f: [n]`, at most 0, and 0 where a row keeps mass.
    public let rowPotentials: [Double]
    /// `g: [m]`, likewise.
    public let columnPotentials: [Double]
    /// What one more unit of mass would cost: `f_i + g_j + price ≤ C_ij`, equal where mass moves.
    public let price: Double
    /// The dual is `⟨a, f⟩ + ⟨b, g⟩ + price · mass`; marginal errors are of the dummy problem.
    public let certificate: Certificate
    /// Pivots.
    public let iterations: Int
  }

  /// What moves of a mass, which is no more than both sides have but for rounding, and what they have.
  static func movable(
    _ mass: Double, between a: [Double], and b: [Double], over geometry: any CostGeometry,
    at place: String
  ) throws(TransportError) -> (mass: Double, totals: (Double, Double)) {
    let totals = (
      try LinearProblem.total(a, count: geometry.rowCount, side: "row"),
      try LinearProblem.total(b, count: geometry.columnCount, side: "column")
    )
    let least = min(totals.0, totals.1)
    guard mass > 0, mass <= least * (1 + LinearProblem.totalsTolerance) else {
      throw TransportError(
        .badMass, "\(mass) is to move, of \(totals.0) in rows and \(totals.1) in columns",
        at: place, remedy: "Give a mass above 0, and no more than both sides have.")
    }
    return (min(mass, least), totals)
  }

  /// Solves between masses `a: [n]` and `b: [m]`, whose totals may differ.
  ///
  /// - Throws: `.badMass` for a mass to move that is not above 0 or more than a side has, else as
  ///   `NetworkSimplex.solve`.
  public func solve(
    _ geometry: any CostGeometry, rowMasses a: [Double], columnMasses b: [Double]
  ) throws(TransportError) -> Solution {
    let (moved, totals) = try Self.movable(
      mass, between: a, and: b, over: geometry, at: "partial transport")
    let range = try CostRange(of: geometry)
    let whole = DummyGeometry(
      part: geometry, forbidden: range.magnitude == 0 ? 1 : 4 * range.magnitude)
    let problem = try LinearProblem(
      whole, rowMasses: a + [totals.1 - moved], columnMasses: b + [totals.0 - moved])
    let solution = try solver.solve(problem)
    let n = a.count
    let m = b.count
    guard case .sparse(let entries) = solution.coupling else {
      preconditionFailure("an exact coupling is sparse")
    }
    let kept = entries.rows.indices.filter { entries.rows[$0] < n && entries.columns[$0] < m }
    let (row, column) = (solution.rowPotentials[n], solution.columnPotentials[m])
    var cost = CompensatedSum()
    var rows = RowSource(geometry)
    var last = -1
    for k in kept {
      if entries.rows[k] != last {
        last = entries.rows[k]
        rows.load(last)
      }
      cost.add(entries.masses[k] * rows.current[entries.columns[k]])
    }
    return Solution(
      coupling: SparseCoupling(
        rowCount: n, columnCount: m, rows: kept.map { entries.rows[$0] },
        columns: kept.map { entries.columns[$0] }, masses: kept.map { entries.masses[$0] }),
      transportCost: cost.value,
      rowPotentials: solution.rowPotentials[..<n].map { $0 + column },
      columnPotentials: solution.columnPotentials[..<m].map { $0 + row },
      price: -row - column, certificate: solution.certificate, iterations: solution.iterations)
  }
}

/// A geometry with one row and one column more, at no cost but where they meet.
private struct DummyGeometry: CostGeometry {
  let part: any CostGeometry
  let forbidden: Double
  var rowCount: Int { part.rowCount + 1 }
  var columnCount: Int { part.columnCount + 1 }

  func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    let m = part.columnCount
    if row < part.rowCount {
      var most = costs.part(0..<m)
      part.fillRow(row, into: &most)
    } else {
      for j in 0..<m { costs[j] = 0 }
    }
    costs[m] = row < part.rowCount ? 0 : forbidden
  }
}
