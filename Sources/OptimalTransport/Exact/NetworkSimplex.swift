// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// The cheapest coupling of any masses, rectangular problems included.
///
/// The primal network simplex on a spanning tree. A block of prices is one row: the row's most
/// negative entry enters (the rule that Srinivasan and Thompson 1973 found best for transport), so
/// that pricing is one pass of a wide loop over costs that need not be held. Degenerate pivots
/// cannot cycle: the tree stays strongly feasible.
///
/// - Note: `iterations` counts pivots.
public struct NetworkSimplex: Sendable {
  /// How many pivots are made at most; nil is 1,000 for each row and column.
  public var pivotsMax: Int?
  /// What happens at `pivotsMax`.
  public var unfinished: Unfinished
  /// How many threads read costs before and after the pivots; the result is the same bits for every
  /// count.
  public var threads: Threads

  public init(
    pivotsMax: Int? = nil, unfinished: Unfinished = .fails, threads: Threads = .cores
  ) {
    self.pivotsMax = pivotsMax
    self.unfinished = unfinished
    self.threads = threads
  }

  /// A reduced cost counts as negative below this, in units of the greatest cost: what rounding
  /// leaves in potentials is smaller.
  private static let tolerance = 2e-13

  /// Solves the problem.
  ///
  /// - Returns: the coupling (sparse, at most n + m − 1 entries), potentials with
  ///   `f_i + g_j ≤ C_ij`, and a gap of 0 up to rounding (1e-12 of the greatest cost).
  /// - Throws: `.badCost` for costs that are not finite, `.badSetting` for a negative limit,
  ///   `.notConverged` at the limit of pivots, `.cancelled`.
  public func solve(_ problem: LinearProblem) throws(TransportError) -> TransportSolution {
    if let pivotsMax, pivotsMax < 0 {
      throw TransportError(
        .badSetting, "pivotsMax is \(pivotsMax)", at: "network simplex",
        remedy: "Give at least 0, or nil.")
    }
    let range = try CostRange(of: problem.geometry, threads: threads)
    let live = LivePart(problem)
    var source = try RowSource(holding: live.geometry, threads: threads)
    var tree = TransportTree(
      rows: live.a.count, columns: live.b.count,
      arcs: try Self.greedyTree(live.a, live.b, &source))
    let limit = pivotsMax ?? 1_000 * (live.a.count + live.b.count)
    let pivots = try Self.improve(
      &tree, &source, tolerance: Self.tolerance * range.magnitude, limit: limit)
    let potentials = live.extended(tree.u, tree.v, epsilon: 0)
    let part = tree.entries
    let entries = SparseCoupling(
      rowCount: problem.rowMasses.count, columnCount: problem.columnMasses.count,
      rows: part.rows.map { live.rows[$0] }, columns: part.columns.map { live.columns[$0] },
      masses: part.masses)
    return try TransportSolution(
      problem, entries: entries, columnPotentials: potentials.columns, iterations: pivots,
      magnitude: range.magnitude, threads: threads
    ).settled(
      unfinished, solver: "network simplex", tolerance: "a gap of 1e-12 of the greatest cost",
      remedy: "Raise pivotsMax, or take the best coupling so far from the error.")
  }

  /// Pivots until no entry is negative at fresh potentials; gives the count.
  private static func improve(
    _ tree: inout TransportTree, _ source: inout RowSource, tolerance: Double, limit: Int
  ) throws(TransportError) -> Int {
    var pivots = 0
    while true {
      tree.refresh(&source)
      var pivotsHere = 0
      var clean = 0
      var i = 0
      while clean < tree.u.count, pivots < limit {
        if i & 63 == 0 { try checkCancelled("network simplex") }
        source.load(i)
        clean += 1
        while pivots < limit {
          let (j, least) = CostKernels.least(source.current, minus: tree.v.span)!
          let reduced = least - tree.u[i]
          guard reduced < -tolerance else { break }
          tree.pivot(row: i, column: j, reduced: reduced)
          pivots += 1
          pivotsHere += 1
          clean = 0
        }
        i = i + 1 == tree.u.count ? 0 : i + 1
      }
      if pivotsHere == 0 || pivots >= limit {
        tree.refresh(&source)
        return pivots
      }
    }
  }

  /// A first tree: each row fills the columns cheapest for it that have room left.
  ///
  /// Each arc exhausts either a row or a column, never both, as if every row had an infinitesimal
  /// mass more and the last column took them all: that makes the tree spanning and strongly
  /// feasible.
  private static func greedyTree(
    _ a: [Double], _ b: [Double], _ source: inout RowSource
  ) throws(TransportError) -> [(row: Int, column: Int, mass: Double)] {
    var arcs: [(row: Int, column: Int, mass: Double)] = []
    arcs.reserveCapacity(a.count + b.count - 1)
    // A full column is as dear as can be.
    var open = [Double](repeating: 0, count: b.count)
    var room = b
    var columnsLeft = b.count
    for i in a.indices {
      try checkCancelled("network simplex")
      source.load(i)
      var left = a[i]
      let isLastRow = i == a.count - 1
      while true {
        guard let (j, _) = CostKernels.least(source.current, minus: open.span) else { break }
        // The last row fills all columns but one, which takes what rounding leaves.
        let isShort = room[j] < left || (room[j] == left && j != b.count - 1)
        let fillsColumn = columnsLeft > 1 && (isShort || isLastRow)
        if fillsColumn {
          arcs.append((i, j, room[j]))
          left = max(0, left - room[j])
          open[j] = -.infinity
          columnsLeft -= 1
        } else {
          arcs.append((i, j, left))
          room[j] = max(0, room[j] - left)
          break
        }
      }
    }
    return arcs
  }
}
