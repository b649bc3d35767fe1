// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

extension SinkhornRun {
  /// From this many entries a solve of some of the points takes less time than one pass.
  static let coarseEntries = 1 << 28
  private static let coarseError = 1e-5

  /// Whether a problem is so large that it is begun with fewer points: a cloud whose kernel is not
  /// held, with marginals to be met.
  static func isCoarse(
    _ settings: Sinkhorn, _ problem: LinearProblem, _ penalties: (MarginalPenalty, MarginalPenalty)
  ) -> Bool {
    let (n, m) = (problem.rowMasses.count, problem.columnMasses.count)
    guard let cloud = problem.geometry as? PointCloud, settings.initial == nil,
      settings.memory == .lean || m > Sinkhorn.heldEntries / n, m >= settings.coarseEntries / n,
      settings.form != .logarithmic, penalties == (.exact, .exact)
    else { return false }
    switch cloud.cost {
    case .squaredEuclidean, .euclidean, .manhattan: return true
    default: return false
    }
  }

  /// Potentials of a large cloud from those of runs of neighbors, each in one point; they extend to the
  /// points themselves by their own equation.
  func coarseStart(
    epsilon: Double
  ) throws(TransportError) -> Potentials? {
    guard let cloud = live.geometry as? PointCloud else { return nil }
    let rows = try Self.thinned(cloud.sources, rowSide.masses, to: settings.coarsePoints)
    let columns = try Self.thinned(cloud.targets, columnSide.masses, to: settings.coarsePoints)
    let thin = try PointCloud(rows.points, columns.points, cost: cloud.cost)
    var run = try SinkhornRun(
      Sinkhorn(
        .epsilon(epsilon), tolerance: max(Self.coarseError, settings.tolerance),
        iterationsMax: 1000, form: .scaling, unfinished: .isReturned, threads: settings.threads),
      LinearProblem(unequal: thin, rowMasses: rows.masses, columnMasses: columns.masses),
      penalties: (.exact, .exact), epsilon: epsilon,
      range: CostRange(of: thin, threads: settings.threads))
    let solution = try run.solve()
    let g = try extended(
      PointCloud(rows.points, cloud.targets, cost: cloud.cost), solution.rowPotentials,
      rows.masses, columnSide)
    let f = try extended(
      PointCloud(columns.points, cloud.sources, cost: cloud.turnedCost),
      solution.columnPotentials, columns.masses, rowSide)
    return Potentials(rows: f, columns: g)
  }

  /// Runs of neighbors, each as the point in its middle with the mass of all.
  static func thinned(
    _ points: Points, _ masses: [Double], to most: Int
  ) throws(TransportError) -> (points: Points, masses: [Double]) {
    let count = min(most, points.count)
    let d = points.dimensions
    var coordinates = [Double](repeating: 0, count: count * d)
    var sums = [Double](repeating: 0, count: count)
    for k in 0..<count {
      for i in k * points.count / count..<(k + 1) * points.count / count {
        sums[k] += masses[i]
        for c in 0..<d { coordinates[k * d + c] += masses[i] * points.coordinates[i * d + c] }
      }
      for c in 0..<d { coordinates[k * d + c] /= sums[k] }
    }
    return (try Points(coordinates, dimensions: d), sums)
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
