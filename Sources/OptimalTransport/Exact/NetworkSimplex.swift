// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// The cheapest coupling of any masses, rectangular problems included.
///
/// The primal network simplex on a spanning tree. An auction of rounded masses gives it a first tree
/// near the last one (in few dimensions with prices of a coarser cloud). Then a row's most negative
/// entry enters (the rule that Srinivasan and Thompson 1973 found best for transport), of the row's 12
/// to 16 cheapest alone; when none is left, all entries are priced at once, over threads, and rows that
/// missed one get others (after Gottschlich and Schuhmacher 2014). Degenerate pivots cannot cycle: the
/// tree stays strongly feasible.
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
    let isCoarse = CoarseCloud.fits(problem.geometry)
    let live = LivePart(problem, inSpace: isCoarse)
    var source = try RowSource(holding: live.geometry, threads: threads)
    var lists = CandidateLists(source, rows: live.a.count, threads: threads)
    var start = [Double](repeating: 0, count: live.b.count)
    if let cloud = live.geometry as? PointCloud, CoarseCloud.fits(cloud) {
      start = try CoarseCloud.potentials(cloud, live.a, live.b, threads: threads)
    }
    var auction = TransportAuction(live.a, live.b, potentials: start)
    let held = try auction.run(&lists, spread: range.mean - range.least)
    lists.refresh((0..<Int32(live.a.count)).map { $0 }, minus: auction.v)
    var tree = TransportTree(
      rows: live.a.count, columns: live.b.count,
      arcs: try StartingTree(live.a, live.b, held: held, potentials: auction.v, &source).arcs)
    let limit = pivotsMax ?? 1_000 * (live.a.count + live.b.count)
    let pivots = try improve(
      &tree, lists, source, tolerance: Self.tolerance * range.magnitude, limit: limit)
    let potentials = live.extended(tree.u, tree.v, epsilon: 0)
    let part = tree.entries
    let order = part.rows.indices.sorted {
      (live.rows[part.rows[$0]], live.columns[part.columns[$0]])
        < (live.rows[part.rows[$1]], live.columns[part.columns[$1]])
    }
    let entries = SparseCoupling(
      rowCount: problem.rowMasses.count, columnCount: problem.columnMasses.count,
      rows: order.map { live.rows[part.rows[$0]] },
      columns: order.map { live.columns[part.columns[$0]] }, masses: order.map { part.masses[$0] })
    return try TransportSolution(
      problem, entries: entries, columnPotentials: potentials.columns, iterations: pivots,
      magnitude: range.magnitude, threads: threads
    ).settled(
      unfinished, solver: "network simplex", tolerance: "a gap of 1e-12 of the greatest cost",
      remedy: "Raise pivotsMax, or take the best coupling so far from the error.")
  }

  /// Pivots until no entry is negative at fresh potentials; gives the count.
  private func improve(
    _ tree: inout TransportTree, _ lists: CandidateLists, _ source: RowSource, tolerance: Double,
    limit: Int
  ) throws(TransportError) -> Int {
    var pivots = 0
    while true {
      tree.refresh(source, threads: threads)
      var clean = 0
      var i = 0
      while clean < tree.u.count, pivots < limit {
        if i & 63 == 0 { try checkCancelled("network simplex") }
        clean += 1
        while pivots < limit, let (j, least) = lists.least(i, minus: tree.v.span) {
          let reduced = least - tree.u[i]
          guard reduced < -tolerance else { break }
          tree.pivot(row: i, column: j, reduced: reduced)
          pivots += 1
          clean = 0
        }
        i = i + 1 == tree.u.count ? 0 : i + 1
      }
      tree.refresh(source, threads: threads)
      // One column has no candidates beside it, and one tree.
      if tree.v.count == 1 || pivots >= limit
        || lists.renew(below: tree.u, minus: tree.v, tolerance: tolerance) == 0
      {
        return pivots
      }
    }
  }
}
