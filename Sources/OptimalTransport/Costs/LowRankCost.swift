// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Costs `⟨u_i, v_j⟩` of few factors: O((n + m) r) memory.
public struct LowRankCost: CostGeometry {
  public let rowCount: Int
  public let columnCount: Int
  /// How many factors there are.
  public let rank: Int
  /// The rows' factors, `[n, rank]`, row after row.
  public let left: [Double]
  /// The columns' factors, `[m, rank]`.
  public let right: [Double]
  /// One factor of all columns after the other, as the kernel reads them.
  private let turned: [Double]

  /// Costs from factors, `[n, rank]` and `[m, rank]`, row after row.
  ///
  /// - Throws: `.shapeMismatch` where a side's factors are no whole number of rows, at least one;
  ///   `.badCost` at the first factor that is not finite.
  public init(left: [Double], right: [Double], rank: Int) throws(TransportError) {
    guard rank > 0, !left.isEmpty, !right.isEmpty, left.count % rank == 0, right.count % rank == 0
    else {
      throw TransportError(
        .shapeMismatch, "\(left.count) and \(right.count) factors for a rank of \(rank)",
        at: "low-rank cost", remedy: "Give rank factors for each row and column, at least one.")
    }
    for (side, factors) in [("row", left), ("column", right)] {
      if let bad = factors.firstIndex(where: { !$0.isFinite }) {
        throw TransportError(
          .badCost, "factor \(bad % rank) is \(factors[bad])", at: "\(side) \(bad / rank)",
          remedy: "Give finite factors.")
      }
    }
    rowCount = left.count / rank
    columnCount = right.count / rank
    self.rank = rank
    self.left = left
    self.right = right
    let m = columnCount
    turned = (0..<rank * m).map { right[$0 % m * rank + $0 / m] }
  }

  /// The squared distances of points, whose rank is their dimensions and two.
  public init(squaredEuclidean sources: Points, _ targets: Points) throws(TransportError) {
    guard sources.dimensions == targets.dimensions else {
      throw TransportError(
        .shapeMismatch,
        "sources have \(sources.dimensions) dimensions, targets \(targets.dimensions)",
        at: "low-rank cost", remedy: "Give both the same coordinates.")
    }
    func squares(_ point: ArraySlice<Double>) -> Double { point.reduce(0) { $0 + $1 * $1 } }
    try self.init(
      left: (0..<sources.count).flatMap { i in
        [squares(sources[i]), 1] + sources[i].map { -2 * $0 }
      },
      right: (0..<targets.count).flatMap { j in [1, squares(targets[j])] + targets[j] },
      rank: sources.dimensions + 2)
  }

  public func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    CostKernels.distances(
      .product, from: left.span.extracting(row * rank..<(row + 1) * rank), to: turned.span,
      into: &costs)
  }
}
