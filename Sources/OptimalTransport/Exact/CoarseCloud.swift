// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

/// Potentials to start from: those of a cloud with one point for each run of neighbors.
///
/// In few dimensions prices must agree over long ways, which costs an auction or a simplex many small
/// steps; a problem with an eighth of the points on each side settles that in a 64th of the time.
enum CoarseCloud {
  /// Points that become one.
  private static let run = 8
  /// With fewer points on a side all is quick.
  private static let pointsLeast = 512

  /// Whether a problem is begun so.
  static func fits(_ geometry: any CostGeometry) -> Bool {
    guard let cloud = geometry as? PointCloud,
      cloud.sources.dimensions <= RowSource.cheapDimensions,
      min(cloud.rowCount, cloud.columnCount) >= pointsLeast
    else { return false }
    switch cloud.cost {
    case .squaredEuclidean, .euclidean, .manhattan: return true
    default: return false
    }
  }

  /// The columns' potentials; points lie in spatial order.
  static func potentials(
    _ cloud: PointCloud, _ a: [Double], _ b: [Double], threads: Threads
  ) throws(TransportError) -> [Double] {
    let rows = try SinkhornRun.thinned(cloud.sources, a, to: a.count / run)
    let columns = try SinkhornRun.thinned(cloud.targets, b, to: b.count / run)
    let solution = try NetworkSimplex(unfinished: .isReturned, threads: threads).solve(
      LinearProblem(
        unequal: PointCloud(rows.points, columns.points, cost: cloud.cost), rowMasses: rows.masses,
        columnMasses: columns.masses))
    var greatest = [Double](repeating: -.infinity, count: b.count)
    var source = RowSource(try PointCloud(rows.points, cloud.targets, cost: cloud.cost))
    for i in rows.masses.indices {
      source.load(i)
      CostKernels.raise(&greatest, to: solution.rowPotentials[i], minus: source.current)
    }
    return greatest.map { -$0 }
  }
}
