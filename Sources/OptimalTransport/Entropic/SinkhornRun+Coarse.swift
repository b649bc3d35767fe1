// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

extension SinkhornRun {
  /// From this many entries a solve of some of the points takes less time than one pass.
  static let coarseEntries = 1 << 28
  private static let coarseError = 1e-3

  /// Potentials of a large cloud from those of some of its points: every k-th stands for the mass of
  /// those about it, and potentials extend to the others by their own equation. Nil where the problem
  /// is small, is no cloud, or has marginals to miss.
  func coarseStart(epsilon: Double, stagesEnd: Int) throws(TransportError) -> Potentials? {
    guard let cloud = live.geometry as? PointCloud, stagesEnd > 0,
      m >= settings.coarseEntries / n, settings.form != .logarithmic, rowSide.penalty == .exact,
      columnSide.penalty == .exact
    else { return nil }
    let rows = try Self.thinned(cloud.sources, rowSide.masses, to: settings.coarsePoints)
    let columns = try Self.thinned(cloud.targets, columnSide.masses, to: settings.coarsePoints)
    let solution = try Sinkhorn(
      .epsilon(epsilon), tolerance: Self.coarseError, iterationsMax: 1000, form: .scaling,
      unfinished: .isReturned, threads: settings.threads
    ).solve(
      LinearProblem(
        unequal: PointCloud(rows.points, columns.points, cost: cloud.cost),
        rowMasses: rows.masses, columnMasses: columns.masses))
    let g = try extended(
      PointCloud(rows.points, cloud.targets, cost: cloud.cost), solution.rowPotentials,
      rows.masses, columnSide)
    let f = try extended(
      PointCloud(columns.points, cloud.sources, cost: cloud.turnedCost),
      solution.columnPotentials, columns.masses, rowSide)
    return Potentials(rows: f, columns: g)
  }

  /// Every k-th point, with the mass of those up to the next.
  private static func thinned(
    _ points: Points, _ masses: [Double], to most: Int
  ) throws(TransportError) -> (points: Points, masses: [Double]) {
    let count = min(most, points.count)
    var coordinates: [Double] = []
    var sums = [Double](repeating: 0, count: count)
    for k in 0..<count {
      let range = k * points.count / count..<(k + 1) * points.count / count
      coordinates.append(contentsOf: points[range.lowerBound + range.count / 2])
      for i in range { sums[k] += masses[i] }
    }
    return (try Points(coordinates, dimensions: points.dimensions), sums)
  }

  /// The columns' potentials that belong to some rows'.
  private func extended(
    _ cloud: PointCloud, _ f: [Double], _ a: [Double], _ side: MarginalSide
  ) -> [Double] {
    var greatest = [Double](repeating: -.infinity, count: cloud.columnCount)
    var source = RowSource(cloud)
    for i in f.indices {
      source.load(i)
      CostKernels.raise(&greatest, to: f[i], minus: source.current)
    }
    return Self.columnPotentials(
      source, f: f, a: a, turned: greatest.map { -$0 }, side: side, epsilon: epsilonTarget,
      threads: settings.threads)
  }
}
