// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// The cheapest one-to-one assignment: equal masses, as many rows as columns.
///
/// Prices from an auction, then a finish that is exact whatever the prices: tight entries without
/// conflict are kept, the other rows come in by shortest augmenting paths (Jonker and Volgenant
/// 1987, with a dense Dijkstra search that stops at the first free column). O(n³) at worst; rows of
/// point clouds are worked out as they are read, so memory is O(n) in up to 4 dimensions.
///
/// - Note: `iterations` counts the searches of the finish.
public struct Assignment: Sendable {
  /// How many threads read costs; the result is the same bits for every count.
  public var threads: Threads

  /// - Parameter threads: how many read costs.
  public init(threads: Threads = .cores) { self.threads = threads }

  /// Solves the problem.
  ///
  /// - Returns: the coupling (sparse, n entries), potentials with `f_i + g_j ≤ C_ij`, and a gap of
  ///   0 up to rounding (1e-12 of the greatest cost).
  /// - Throws: `.shapeMismatch` for a rectangular problem, `.badMass` where masses differ by more
  ///   than 1e-12 of themselves, `.badCost` for costs that are not finite, `.cancelled`.
  public func solve(_ problem: LinearProblem) throws(TransportError) -> TransportSolution {
    try solve(problem, near: nil)
  }

  /// The same from the column potentials of a problem that differs little.
  func solve(
    _ problem: LinearProblem, near potentials: [Double]?
  ) throws(TransportError) -> TransportSolution {
    let n = problem.geometry.rowCount
    guard n == problem.geometry.columnCount else {
      throw TransportError(
        .shapeMismatch, "\(n) rows and \(problem.geometry.columnCount) columns",
        at: "assignment", remedy: "Use NetworkSimplex for rectangular problems.")
    }
    let each = problem.mass / Double(n)
    for (side, masses) in [("row", problem.rowMasses), ("column", problem.columnMasses)] {
      if let bad = masses.firstIndex(where: { abs($0 - each) > 1e-12 * each }) {
        throw TransportError(
          .badMass, "\(side) \(bad) has a mass of \(masses[bad]), the mean is \(each)",
          at: "assignment", remedy: "Use NetworkSimplex for masses that differ.")
      }
    }
    let range = try CostRange(of: problem.geometry, threads: threads)
    var source = try RowSource(holding: problem.geometry, threads: threads)
    var auction = Auction(columns: n, potentials: potentials)
    var lists = CandidateLists(source, rows: n, threads: threads)
    _ = try auction.run(&lists, range: range)
    var matching = Matching(potentials: auction.v)
    let searches = try matching.complete(&source, &lists)
    let entries = SparseCoupling(
      rowCount: n, columnCount: n, rows: Array(0..<n), columns: matching.columnOf,
      masses: problem.rowMasses)
    return try TransportSolution(
      problem, entries: entries, columnPotentials: matching.v, iterations: searches,
      magnitude: range.magnitude, threads: threads
    ).settled(
      .fails, solver: "assignment", tolerance: "a gap of 1e-12 of the greatest cost",
      remedy: "Center and scale the costs: their range is lost in rounding.")
  }
}

/// A matching that grows to a complete one, always optimal for the rows in it.
private struct Matching {
  private(set) var v: [Double]
  private(set) var columnOf: [Int]
  private var owner: [Int]
  private var distance: [Double]
  private var from: [Int64]
  private var settled: [(column: Int, distance: Double)] = []

  init(potentials: [Double]) {
    let n = potentials.count
    v = potentials
    columnOf = Array(repeating: -1, count: n)
    owner = Array(repeating: -1, count: n)
    distance = Array(repeating: 0, count: n)
    from = Array(repeating: 0, count: n)
  }

  /// Gives the count of searches that were needed.
  mutating func complete(
    _ source: inout RowSource, _ lists: inout CandidateLists
  ) throws(TransportError) -> Int {
    var free: [Int] = []
    for i in columnOf.indices {
      let j = lists.freshChoice(i, minus: v.span).index
      if owner[j] < 0 {
        owner[j] = i
        columnOf[i] = j
      } else {
        free.append(i)
      }
    }
    for _ in 0..<2 { try reduce(&free, &lists) }
    for i in free { try augment(from: i, &source) }
    return free.count
  }

  /// Free rows take the column they like best at the price at which they like the second as well;
  /// the row that had it is free in its place (Jonker and Volgenant's augmenting row reduction).
  private mutating func reduce(
    _ free: inout [Int], _ lists: inout CandidateLists
  ) throws(TransportError) {
    var left: [Int] = []
    // Of nearly equal costs rows may take columns from each other for very long.
    var turns = 4 * v.count
    for start in free {
      var row = start
      while true {
        let choice = lists.freshChoice(row, minus: v.span)
        let (j, best, next) = (choice.index, choice.value, choice.next)
        let before = owner[j]
        guard before < 0 || (next > best && turns > 0) else {
          left.append(row)
          break
        }
        turns -= 1
        if next.isFinite { v[j] -= next - best }
        owner[j] = row
        columnOf[row] = j
        if before < 0 { break }
        columnOf[before] = -1
        row = before
      }
    }
    try checkCancelled("assignment")
    free = left
  }

  /// Finds the nearest free column over tight and other entries, and turns the path over.
  private mutating func augment(
    from start: Int, _ source: inout RowSource
  ) throws(TransportError) {
    try checkCancelled("assignment")
    for j in distance.indices { distance[j] = .infinity }
    settled.removeAll(keepingCapacity: true)
    var row = start
    var base = 0.0
    var nearest = (index: 0, value: 0.0)
    let v = v
    while true {
      source.load(row)
      if row != start {
        // Its own entry is tight: the row's potential follows from it.
        base = nearest.value - (source.current[columnOf[row]] - v[columnOf[row]])
      }
      nearest = CostKernels.relax(
        source.current, minus: v.span, plus: base, row: row, distance: &distance, from: &from)!
      if owner[nearest.index] < 0 { break }
      settled.append((nearest.index, nearest.value))
      distance[nearest.index] = -.infinity
      row = owner[nearest.index]
    }
    for (column, reached) in settled { self.v[column] += reached - nearest.value }
    var column = nearest.index
    while true {
      let taker = Int(from[column])
      let before = columnOf[taker]
      owner[column] = taker
      columnOf[taker] = column
      if taker == start { break }
      column = before
    }
  }
}
