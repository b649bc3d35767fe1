// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors
import Foundation
import Synchronization

/// Transport on a line at cost `|x − y|^p`, `p ≥ 1`: both sides sorted, quantiles merged.
///
/// Exact for every p ≥ 1, as the cost is convex in the distance (Villani 2003, theorem 2.18).
/// O(n + m) time and memory beside the sort, which is a radix sort.
public struct OneDimensional: Sendable {
  /// The power p ≥ 1 of the distance.
  public var power: Double
  /// How many threads sort, at most two; the result is the same bits for every count.
  public var threads: Threads

  /// - Parameters:
  ///   - power: p ≥ 1; 1 gives W₁, 2 the cost whose root is W₂.
  ///   - threads: how many sort.
  public init(power: Double = 2, threads: Threads = .cores) {
    self.power = power
    self.threads = threads
  }

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
    try checkPower()
    try checkCancelled("one-dimensional")
    let problem = try LinearProblem(
      LineGeometry(
        x: try Points(x, dimensions: 1), y: try Points(y, dimensions: 1), power: power),
      rowMasses: rowMasses, columnMasses: columnMasses)
    let (rows, columns) = sortedSides(x, y)
    let walk = Staircase(rows, columns, problem, power: power)
    try check(walk.greatestCost)
    return walk.solution(of: problem)
  }

  /// The least cost alone, without coupling and potentials: several times as fast as `solve`, and
  /// proven by the same theorem.
  ///
  /// - Returns: the cost of all the mass (1 where no masses are given); no root is taken.
  /// - Throws: as `solve`.
  public func cost(
    _ x: [Double], _ y: [Double], rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) -> Double {
    try measured(x, y, rowMasses, columnMasses).cost
  }

  /// The distance W_p, the p-th root of the cost for total mass 1 on both sides.
  ///
  /// - Throws: as `solve`.
  public func distance(
    _ x: [Double], _ y: [Double], rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) -> Double {
    let (cost, mass) = try measured(x, y, rowMasses, columnMasses)
    return pow(max(0, cost / mass), 1 / power)
  }

  private func measured(
    _ x: [Double], _ y: [Double], _ rowMasses: [Double]?, _ columnMasses: [Double]?
  ) throws(TransportError) -> (cost: Double, mass: Double) {
    try checkPower()
    try checkCancelled("one-dimensional")
    let (a, b, mass) = try Self.masses(x, y, rowMasses, columnMasses)
    let cost: Double
    if a == nil, b == nil, x.count == y.count {
      let (xs, ys) = sortedValues(x, y)
      for (sorted, given) in [(xs, x), (ys, y)] {
        try Self.checkEnds(sorted[0], sorted[x.count - 1], given)
      }
      cost = Self.pairedCost(xs.span, ys.span, power: power) * mass / Double(x.count)
    } else {
      let (rows, columns) = sortedSides(x, y)
      for (sorted, given) in [(rows.values, x), (columns.values, y)] {
        try Self.checkEnds(sorted[0], sorted[sorted.count - 1], given)
      }
      cost = Self.mergedCost(rows, a, columns, b, mass: mass, power: power)
    }
    try check(cost)
    return (cost, mass)
  }

  private func checkPower() throws(TransportError) {
    guard power >= 1, power.isFinite else {
      throw TransportError(
        .badSetting, "the power is \(power)", at: "one-dimensional",
        remedy: "Give a finite power of at least 1: below it, sorting is not optimal.")
    }
  }

  private func check(_ cost: Double) throws(TransportError) {
    guard cost <= CostRange.magnitudeLimit else {
      throw TransportError(
        .badCost, "the costs reach \(cost)", at: "one-dimensional",
        remedy: "Scale the points down: the power of their distance overflows.")
    }
  }
}

/// Numbers in ascending order, and where each stood.
struct SortedSide: Sendable {
  var values: [Double]
  var places: [Int32]

  init(_ x: [Double]) {
    var sorted = x
    var span = sorted.mutableSpan
    places = SortKernels.sortWithPlaces(&span)
    values = sorted
  }
}

func lineCost(_ difference: Double, _ power: Double) -> Double {
  let distance = abs(difference)
  return power == 1 ? distance : power == 2 ? distance * distance : pow(distance, power)
}

extension OneDimensional {
  /// From so many numbers on, a second thread is worth waking.
  private static let parallelCount = 4096

  private func sorters(_ count: Int) -> Threads { count < Self.parallelCount ? .one : threads }

  /// Both sides with their places.
  private func sortedSides(_ x: [Double], _ y: [Double]) -> (SortedSide, SortedSide) {
    let sides = Mutex<(SortedSide?, SortedSide?)>((nil, nil))
    sorters(x.count + y.count).forEach(2) { side in
      let sorted = SortedSide(side == 0 ? x : y)
      sides.withLock { sides in
        if side == 0 { sides.0 = sorted } else { sides.1 = sorted }
      }
    }
    return sides.withLock { ($0.0!, $0.1!) }
  }

  /// Both sides sorted.
  private func sortedValues(
    _ x: [Double], _ y: [Double]
  ) -> (SharedBuffer<Double>, SharedBuffer<Double>) {
    let sorted = (SharedBuffer<Double>(count: x.count), SharedBuffer<Double>(count: y.count))
    sorters(x.count + y.count).forEach(2) { side in
      let given = (side == 0 ? x : y).span
      var values = side == 0 ? sorted.0.part(0..<x.count) : sorted.1.part(0..<y.count)
      for k in given.indices { values[k] = given[k] }
      SortKernels.sort(&values)
    }
    return sorted
  }

  /// Masses on `LinearProblem`'s terms; nil where they are equal.
  static func masses(
    _ x: [Double], _ y: [Double], _ rowMasses: [Double]?, _ columnMasses: [Double]?
  ) throws(TransportError) -> (a: [Double]?, b: [Double]?, mass: Double) {
    guard !x.isEmpty, !y.isEmpty else {
      throw TransportError(
        .shapeMismatch, "0 numbers for points of 1 dimensions", at: "points",
        remedy: "Give dimensions numbers for each point, and at least one point.")
    }
    if rowMasses == nil, columnMasses == nil { return (nil, nil, 1) }
    let problem = try LinearProblem(
      LineGeometry(
        x: try Points(x, dimensions: 1), y: try Points(y, dimensions: 1), power: 1),
      rowMasses: rowMasses, columnMasses: columnMasses)
    return (problem.rowMasses, problem.columnMasses, problem.mass)
  }

  /// Numbers that are not finite sort to the ends; the error names the first of them.
  private static func checkEnds(
    _ first: Double, _ last: Double, _ given: [Double]
  ) throws(TransportError) {
    if !first.isFinite || !last.isFinite { _ = try Points(given, dimensions: 1) }
  }

  /// The sum of the costs of pairs.
  static func pairedCost(_ x: Span<Double>, _ y: Span<Double>, power: Double) -> Double {
    if power == 1 || power == 2 {
      return SortKernels.differenceSum(x, y, power: Int(power))
    }
    var sum = CompensatedSum()
    for k in x.indices { sum.add(pow(abs(x[k] - y[k]), power)) }
    return sum.value
  }

  /// The cost of merging quantiles; masses nil are equal.
  static func mergedCost(
    _ rows: SortedSide, _ a: [Double]?, _ columns: SortedSide, _ b: [Double]?, mass: Double,
    power: Double
  ) -> Double {
    let xs = rows.values.span
    let ys = columns.values.span
    let each = (mass / Double(xs.count), mass / Double(ys.count))
    func rowMass(_ k: Int) -> Double { a.map { $0[Int(rows.places[k])] } ?? each.0 }
    func columnMass(_ k: Int) -> Double { b.map { $0[Int(columns.places[k])] } ?? each.1 }
    var sum = CompensatedSum()
    var i = 0
    var j = 0
    var left = rowMass(0)
    var room = columnMass(0)
    while true {
      // The last of one side takes what rounding leaves of the other.
      let isLastRow = i == xs.count - 1
      let isLastColumn = j == ys.count - 1
      let amount = isLastRow ? room : isLastColumn ? left : min(left, room)
      if amount > 0 { sum.add(amount * lineCost(xs[i] - ys[j], power)) }
      if isLastRow, isLastColumn { return sum.value }
      if isLastColumn || (!isLastRow && left <= room) {
        room = max(0, room - left)
        i += 1
        left = rowMass(i)
      } else {
        left = max(0, left - room)
        j += 1
        room = columnMass(j)
      }
    }
  }
}

/// Points on a line; entries are worked out when asked for.
struct LineGeometry: CostGeometry {
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
