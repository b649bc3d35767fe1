// SPDX-License-Identifier: Apache-2.0

import FerryBasics

extension MongeGap {
  /// Whose coordinates a gradient is by.
  public enum Side: Sendable {
    /// The points that are moved.
    case points
    /// Where the map sends them.
    case images
  }

  /// The gradient of a gap with respect to one side's coordinates, `[n, d]`.
  ///
  /// Of `exact` and `debiased` by the envelope theorem: of exact couplings a subgradient. The
  /// coupling of `entropic` minimizes something else than the cost that is taken of it, so that the
  /// coupling's own change counts: it is differentiated implicitly, in O(nm) memory.
  ///
  /// - Throws: as `TransportGradient`, and as `CouplingPullback` for `entropic`.
  public func gradient(
    of value: Value, _ x: Points, _ images: Points, by side: Side
  ) throws(TransportError) -> [Double] {
    let cloud = try PointCloud(x, images, cost: cost)
    let isTurned = side == .images
    let own = isTurned ? try PointCloud(images, x, cost: cost) : cloud
    let n = x.count
    let each = SparseCoupling(
      rowCount: n, columnCount: n, rows: Array(0..<n), columns: Array(0..<n),
      masses: Array(repeating: 1 / Double(n), count: n))
    let moved = try TransportGradient.ofPoints(own, .sparse(each), isTurned: isTurned, .one)
    let best: [Double]
    switch solver {
    case .exact:
      best = try TransportGradient.ofPoints(
        own, value.solution.coupling, isTurned: isTurned, .one)
    case .entropic(let sinkhorn):
      best = try TransportGradient.ofPoints(
        own, .dense(try Self.change(of: value.solution, cloud)), isTurned: isTurned,
        sinkhorn.threads)
    case .debiased(let sinkhorn):
      guard let all = value.divergence else {
        throw TransportError(
          .badSetting, "the value is not that of a debiased gap", at: "monge gap",
          remedy: "Give the value that this gap computed.")
      }
      let divergence = SinkhornDivergence(sinkhorn)
      best =
        isTurned
        ? try divergence.targetGradient(of: all, cloud)
        : try divergence.sourceGradient(of: all, cloud)
    }
    return zip(moved, best).map { $0 - $1 }
  }

  /// How `⟨C, P(C)⟩` changes with each cost: `P`, and what the coupling's own change adds.
  private static func change(
    of solution: TransportSolution, _ cloud: PointCloud
  ) throws(TransportError) -> DenseCoupling {
    let n = cloud.rowCount
    let m = cloud.columnCount
    var costs: [Double] = []
    costs.reserveCapacity(n * m)
    var source = RowSource(cloud)
    for i in 0..<n {
      source.load(i)
      let row = source.current
      for j in row.indices { costs.append(row[j]) }
    }
    let through = try CouplingPullback(solution).gradient(of: costs).costs
    let masses = solution.coupling.dense().masses
    return DenseCoupling(
      rowCount: n, columnCount: m, masses: zip(masses, through).map { $0 + $1 })
  }
}
