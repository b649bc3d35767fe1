// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Transport on a circle at cost `d^p`, `p ≥ 1`, where d is the length of the shorter arc.
///
/// Once it is known how far the quantiles of one side are turned against those of the other, the
/// circle is a line. The cost is convex in that turn (Delon, Salomon and Sobolevski 2010,
/// theorem 2.2): halving finds it, and two tangents bound the cost from below.
public struct Circle: Sendable {
  /// The length once round: 2π for angles, 24 for hours. Above 0.
  public var length: Double
  /// The power p ≥ 1 of the distance.
  public var power: Double

  /// - Parameters:
  ///   - length: the circumference, above 0.
  ///   - power: p ≥ 1.
  public init(length: Double = 2 * .pi, power: Double = 2) {
    self.length = length
    self.power = power
  }

  /// What moves, what it costs, and what proves it.
  public struct Solution: Sendable {
    /// How much mass goes from each row to each column; sparse, at most n + m + 1 entries.
    public let coupling: SparseCoupling
    /// The least cost of all the mass; no root is taken.
    public let cost: Double
    /// `(cost / mass)^(1/p)`.
    public let distance: Double
    /// The primal is the cost; the dual is where the tangents on both sides of the turn meet, below
    /// which a convex function cannot fall.
    public let certificate: Certificate
    /// How far the columns' quantiles are turned, as a share of the mass.
    public let turn: Double
  }

  /// Solves between positions `x: [n]` and `y: [m]` on the circle, taken modulo its length.
  ///
  /// - Parameters:
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses, with the other side's total or 1.
  ///   - columnMasses: `[m]`, likewise.
  /// - Throws: `.badSetting` for p below 1 or no length; else as `OneDimensional.solve`.
  public func solve(
    _ x: [Double], _ y: [Double], rowMasses: [Double]? = nil, columnMasses: [Double]? = nil
  ) throws(TransportError) -> Solution {
    guard power >= 1, power.isFinite, length > 0, length.isFinite else {
      throw TransportError(
        .badSetting, "the power is \(power) and the length \(length)", at: "circle",
        remedy: "Give a finite power of at least 1 and a length above 0.")
    }
    let rows = try Points(x, dimensions: 1)
    let columns = try Points(y, dimensions: 1)
    let problem = try LinearProblem(
      LineGeometry(x: rows, y: columns, power: power), rowMasses: rowMasses,
      columnMasses: columnMasses)
    let wheel = Wheel(
      x: SortedSide(x.map(folded)), y: SortedSide(y.map(folded)), problem: problem,
      length: length, power: power)
    guard pow(length, power) <= CostRange.magnitudeLimit else {
      throw TransportError(
        .badCost, "the costs reach \(pow(length, power))", at: "circle",
        remedy: "Measure in a greater unit: the power of the length overflows.")
    }
    let (turn, bound) = try wheel.bestTurn()
    return wheel.solution(turn: turn, bound: bound)
  }

  /// Onto [0, length).
  private func folded(_ position: Double) -> Double {
    let rest = position.truncatingRemainder(dividingBy: length)
    let up = rest < 0 ? rest + length : rest
    return up < length ? up : 0
  }
}

/// Both sides in order, cut open at 0, with the levels that their masses reach.
private struct Wheel {
  let x: SortedSide
  let y: SortedSide
  let problem: LinearProblem
  let length: Double
  let power: Double
  /// `[n]` and `[m]`: the mass up to and with each, as a share; the last is 1.
  private let rowLevels: [Double]
  private let columnLevels: [Double]

  init(x: SortedSide, y: SortedSide, problem: LinearProblem, length: Double, power: Double) {
    self.x = x
    self.y = y
    self.problem = problem
    self.length = length
    self.power = power
    rowLevels = Self.levels(x, problem.rowMasses, mass: problem.mass)
    columnLevels = Self.levels(y, problem.columnMasses, mass: problem.mass)
  }

  private static func levels(_ side: SortedSide, _ masses: [Double], mass: Double) -> [Double] {
    var sum = CompensatedSum()
    var levels = side.places.map { place in
      sum.add(masses[Int(place)])
      return min(1, sum.value / mass)
    }
    levels[levels.count - 1] = 1
    return levels
  }

  private func cost(_ i: Int, _ j: Int, around: Double) -> Double {
    lineCost(x.values[i] - (y.values[j] + around * length), power)
  }

  /// The pairs that meet when the columns are turned by `turn`, in order, with their shares.
  private func walk(turn: Double, _ visit: (_ i: Int, _ j: Int, _ round: Double, Double) -> Void) {
    var round = turn.rounded(.down)
    let level = turn - round
    // The column in which the rows' level 0 lies.
    var j = firstAbove(level)
    var i = 0
    var at = 0.0
    if j == y.values.count {
      j = 0
      round += 1
    }
    while true {
      let columnEnd = columnLevels[j] + round - turn
      let end = min(rowLevels[i], columnEnd, 1)
      if end > at { visit(i, j, round, end - at) }
      at = max(at, end)
      if rowLevels[i] <= columnEnd {
        if i == x.values.count - 1 { return }
        i += 1
      } else if j == y.values.count - 1 {
        j = 0
        round += 1
      } else {
        j += 1
      }
    }
  }

  private func firstAbove(_ level: Double) -> Int {
    var low = 0
    var high = columnLevels.count
    while low < high {
      let middle = (low + high) / 2
      if columnLevels[middle] > level { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The cost of a unit of mass, and the slope of the cost in the turn: each end of a column lies in
  /// a row, which it gives, turning on, from this column to the next.
  private func measure(turn: Double) -> (cost: Double, slope: Double) {
    var cost = CompensatedSum()
    var slope = CompensatedSum()
    var last: (i: Int, j: Int, round: Double)?
    var first: (i: Int, j: Int, round: Double)?
    walk(turn: turn) { i, j, round, share in
      let here = self.cost(i, j, around: round)
      cost.add(share * here)
      if let last, last.i == i {
        slope.add(here - self.cost(last.i, last.j, around: last.round))
      } else if let last {
        // Both ends coincide, or a row ends inside a column; only the first turns.
        if last.j != j || last.round != round {
          slope.add(
            self.cost(last.i, j, around: round) - self.cost(last.i, last.j, around: last.round))
        }
      }
      if first == nil { first = (i, j, round) }
      last = (i, j, round)
    }
    // The cut at level 0 is a place like any other.
    if let first, let last, first.j != last.j || first.round + 1 != last.round {
      slope.add(
        self.cost(last.i, first.j, around: first.round + 1)
          - self.cost(last.i, last.j, around: last.round))
    }
    return (cost.value, slope.value)
  }

  func bestTurn() throws(TransportError) -> (turn: Double, bound: Double) {
    var low = -1.0
    var high = 1.0
    var atLow = measure(turn: low)
    var atHigh = measure(turn: high)
    var best = atLow.cost <= atHigh.cost ? low : high
    var bestCost = min(atLow.cost, atHigh.cost)
    for _ in 0..<60 where high - low > 1e-16 {
      try checkCancelled("circle")
      let middle = (low + high) / 2
      let here = measure(turn: middle)
      if here.cost <= bestCost {
        best = middle
        bestCost = here.cost
      }
      if here.slope == 0 { return (middle, here.cost * problem.mass) }
      if here.slope < 0 {
        low = middle
        atLow = here
      } else {
        high = middle
        atHigh = here
      }
    }
    guard atLow.slope < 0, atHigh.slope > 0 else {
      return (best, bestCost * problem.mass)
    }
    // Where the two tangents meet.
    let meet =
      (atHigh.cost - atLow.cost + atLow.slope * low - atHigh.slope * high)
      / (atLow.slope - atHigh.slope)
    let inside = min(max(meet, low), high)
    let bound = max(
      atLow.cost + atLow.slope * (inside - low), atHigh.cost + atHigh.slope * (inside - high))
    return (best, min(bound, bestCost) * problem.mass)
  }

  func solution(turn: Double, bound: Double) -> Circle.Solution {
    var entries: [(row: Int, column: Int, mass: Double, cost: Double)] = []
    walk(turn: turn) { i, j, round, share in
      // A turn within rounding of the best may go the long way round by a sliver.
      let direct = abs(x.values[i] - y.values[j])
      entries.append(
        (
          Int(x.places[i]), Int(y.places[j]), share * problem.mass,
          lineCost(min(direct, length - direct), power)
        ))
    }
    entries.sort { ($0.row, $0.column) < ($1.row, $1.column) }
    var rows: [Int] = []
    var columns: [Int] = []
    var masses: [Double] = []
    var primal = CompensatedSum()
    var rowSums = [Double](repeating: 0, count: x.values.count)
    var columnSums = [Double](repeating: 0, count: y.values.count)
    for entry in entries {
      primal.add(entry.mass * entry.cost)
      rowSums[entry.row] += entry.mass
      columnSums[entry.column] += entry.mass
      if rows.last == entry.row, columns.last == entry.column {
        masses[masses.count - 1] += entry.mass
      } else {
        rows.append(entry.row)
        columns.append(entry.column)
        masses.append(entry.mass)
      }
    }
    let certificate = Certificate(
      primal: primal.value, dual: bound, coupled: rowSums, columnSums,
      problem: problem.rowMasses, problem.columnMasses)
    return Circle.Solution(
      coupling: SparseCoupling(
        rowCount: x.values.count, columnCount: y.values.count, rows: rows, columns: columns,
        masses: masses),
      cost: primal.value, distance: pow(max(0, primal.value / problem.mass), 1 / power),
      certificate: certificate, turn: turn)
  }
}
