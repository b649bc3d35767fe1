// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Transport on a line at cost `|x − y|^p`, `p ≥ 1`: both sides sorted, quantiles merged.
///
/// Exact for every p ≥ 1, as the cost is convex in the distance (Villani 2003, theorem 2.18).
/// O(n + m) time and memory beside the sort, which is a radix sort.
public struct OneDimensional: Sendable {
  /// The power p ≥ 1 of the distance.
  public var power: Double

  /// - Parameter power: p ≥ 1; 1 gives W₁, 2 the cost whose root is W₂.
  public init(power: Double = 2) { self.power = power }

  /// Solves between points `x: [n]` and `y: [m]` on a line.
  ///
  /// - Parameters:
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses, with the other side's total or 1.
  ///   - columnMasses: `[m]`, likewise.
  /// - Returns: the coupling (sparse, at most n + m − 1 entries) and potentials that are tight
  ///   along the whole staircase of quantiles. They are feasible everywhere because the cost is
  ///   convex, which is not checked entry by entry: that would be O(nm).
  /// - Throws: `.badSetting` for p below 1; `.badPoint` for a coordinate that is not finite, or
  ///   for none; `.badCost` where a cost overflows; mass errors as `LinearProblem`.
  public func solve(
    _ x: [Double], _ y: [Double], rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) -> TransportSolution {
    guard power >= 1, power.isFinite else {
      throw TransportError(
        .badSetting, "the power is \(power)", at: "one-dimensional",
        remedy: "Give a finite power of at least 1: below it, sorting is not optimal.")
    }
    let problem = try LinearProblem(
      LineGeometry(
        x: try Points(x, dimensions: 1), y: try Points(y, dimensions: 1), power: power),
      rowMasses: rowMasses, columnMasses: columnMasses)
    let walk = Staircase(x, y, problem, power: power)
    guard walk.greatestCost <= CostRange.magnitudeLimit else {
      throw TransportError(
        .badCost, "the costs reach \(walk.greatestCost)", at: "one-dimensional",
        remedy: "Scale the points down: the power of their distance overflows.")
    }
    return walk.solution(of: problem)
  }

  /// The distance W_p, the p-th root of the cost for total mass 1 on both sides.
  ///
  /// - Throws: as `solve`.
  public func distance(
    _ x: [Double], _ y: [Double], rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) -> Double {
    let solution = try solve(x, y, rowMasses: rowMasses, columnMasses: columnMasses)
    return pow(max(0, solution.transportCost / solution.certificate.mass), 1 / power)
  }
}

/// Points on a line; entries are worked out when asked for.
private struct LineGeometry: CostGeometry {
  let x: Points
  let y: Points
  let power: Double
  var rowCount: Int { x.count }
  var columnCount: Int { y.count }

  func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    let from = x.coordinates[row]
    for j in costs.indices { costs[j] = lineCost(from - y.coordinates[j], power) }
  }
}

private func lineCost(_ difference: Double, _ power: Double) -> Double {
  let distance = abs(difference)
  return power == 1 ? distance : power == 2 ? distance * distance : pow(distance, power)
}

/// The walk from the least pair to the greatest, one row or one column at a time.
private struct Staircase {
  private var rows: [Int32] = []
  private var columns: [Int32] = []
  private var masses: [Double] = []
  private var f: [Double]
  private var g: [Double]
  private var primal = CompensatedSum()
  private(set) var greatestCost = 0.0

  init(_ x: [Double], _ y: [Double], _ problem: LinearProblem, power: Double) {
    let rowOrder = ascendingOrder(of: x)
    let columnOrder = ascendingOrder(of: y)
    let n = x.count
    let m = y.count
    f = Array(repeating: 0, count: n)
    g = Array(repeating: 0, count: m)
    rows.reserveCapacity(n + m)
    columns.reserveCapacity(n + m)
    masses.reserveCapacity(n + m)
    var i = 0
    var j = 0
    var row = Int(rowOrder[0])
    var column = Int(columnOrder[0])
    var left = problem.rowMasses[row]
    var room = problem.columnMasses[column]
    var cost = lineCost(x[row] - y[column], power)
    g[column] = cost
    while true {
      greatestCost = max(greatestCost, cost)
      // The last of one side takes what rounding leaves of the other.
      let amount = i == n - 1 ? room : j == m - 1 ? left : min(left, room)
      if amount > 0 {
        rows.append(Int32(row))
        columns.append(Int32(column))
        masses.append(amount)
        primal.add(amount * cost)
      }
      if i == n - 1, j == m - 1 { break }
      if j == m - 1 || (i < n - 1 && left <= room) {
        room = max(0, room - left)
        i += 1
        row = Int(rowOrder[i])
        left = problem.rowMasses[row]
        cost = lineCost(x[row] - y[column], power)
        f[row] = cost - g[column]
      } else {
        left = max(0, left - room)
        j += 1
        column = Int(columnOrder[j])
        room = problem.columnMasses[column]
        cost = lineCost(x[row] - y[column], power)
        g[column] = cost - f[row]
      }
    }
  }

  func solution(of problem: LinearProblem) -> TransportSolution {
    var rowSums = [Double](repeating: 0, count: f.count)
    var columnSums = [Double](repeating: 0, count: g.count)
    // Entries of a coupling stand row after row: a count for each row, then each to its place.
    var starts = [Int](repeating: 0, count: f.count + 1)
    for row in rows { starts[Int(row) + 1] += 1 }
    for row in f.indices { starts[row + 1] += starts[row] }
    var sortedRows = [Int](repeating: 0, count: rows.count)
    var sortedColumns = sortedRows
    var sortedMasses = masses
    for k in rows.indices {
      let row = Int(rows[k])
      let at = starts[row]
      starts[row] += 1
      sortedRows[at] = row
      sortedColumns[at] = Int(columns[k])
      sortedMasses[at] = masses[k]
      rowSums[row] += masses[k]
      columnSums[Int(columns[k])] += masses[k]
    }
    var dual = CompensatedSum()
    for i in f.indices { dual.add(problem.rowMasses[i] * f[i]) }
    for j in g.indices { dual.add(problem.columnMasses[j] * g[j]) }
    return TransportSolution(
      coupling: .sparse(
        SparseCoupling(
          rowCount: f.count, columnCount: g.count, rows: sortedRows, columns: sortedColumns,
          masses: sortedMasses)),
      rowPotentials: f, columnPotentials: g, transportCost: primal.value,
      certificate: Certificate(
        primal: primal.value, dual: dual.value, coupled: rowSums, columnSums,
        problem: problem.rowMasses, problem.columnMasses),
      iterations: rows.count, isConverged: true)
  }
}
