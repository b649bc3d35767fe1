// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
package import FerryOptimalTransport

/// Two clouds of points with their masses, as commands take them.
package struct TransportInput: Sendable {
  package let sources: Points
  package let targets: Points
  /// nil is equal masses.
  package let rowMasses: [Double]?
  package let columnMasses: [Double]?

  /// Reads points, and masses where a file of them is named; each side's masses are scaled to 1.
  ///
  /// - Throws: as `NumbersFile.read`; `.numbersMalformed` where the two files do not fit each other.
  package init(
    _ sources: String, _ targets: String, rowMasses: String? = nil, columnMasses: String? = nil
  ) throws {
    let from = try NumbersFile.read(sources)
    let to = try NumbersFile.read(targets)
    guard from.columns == to.columns else {
      throw CLIError(
        .numbersMalformed,
        what: "its points have \(to.columns) dimensions, those of \(sources) \(from.columns)",
        place: targets, remedy: "Give both files the same columns, one point a row.")
    }
    self.sources = try from.points()
    self.targets = try to.points()
    self.rowMasses = try Self.masses(rowMasses, for: from)
    self.columnMasses = try Self.masses(columnMasses, for: to)
  }

  private static func masses(_ path: String?, for points: NumbersFile) throws -> [Double]? {
    guard let path else { return nil }
    let masses = try NumbersFile.read(path).masses(for: points.rows, of: points.path)
    let total = masses.reduce(0, +)
    guard total > 0 else {
      throw CLIError(
        .numbersMalformed, what: "the masses are all 0", place: path,
        remedy: "Give at least one mass above 0.")
    }
    return masses.map { $0 / total }
  }

  /// Points of as many dimensions as others have.
  package static func points(_ path: String, like other: String, _ known: Points) throws -> Points {
    let file = try NumbersFile.read(path)
    guard file.columns == known.dimensions else {
      throw CLIError(
        .numbersMalformed,
        what:
          "its points have \(file.columns) dimensions, those of \(other) \(known.dimensions)",
        place: path, remedy: "Give both files the same columns, one point a row.")
    }
    return try file.points()
  }

  /// Sets of points of one dimension count, one a file.
  package static func measures(_ paths: [String]) throws -> [PointMeasure] {
    guard let first = paths.first else { return [] }
    let known = try NumbersFile.read(first).points()
    return try [PointMeasure(known)]
      + paths.dropFirst().map { try PointMeasure(points($0, like: first, known)) }
  }

  /// Points of measures, drawn with a seed, no measure favored.
  package static func start(
    _ count: Int, from measures: [PointMeasure], seed: Seed
  ) throws(TransportError) -> PointMeasure {
    var generator = SplitMix64(seed.derived("barycenter"))
    var coordinates: [Double] = []
    for k in 0..<count {
      let points = measures[k % measures.count].points
      coordinates += points[Int.random(in: 0..<points.count, using: &generator)]
    }
    return try PointMeasure(Points(coordinates, dimensions: measures[0].points.dimensions))
  }

  /// The linear problem between them.
  package func problem(_ cost: CostName) throws(TransportError) -> LinearProblem {
    try LinearProblem(
      PointCloud(sources, targets, cost: cost.cost), rowMasses: rowMasses,
      columnMasses: columnMasses)
  }
}

/// What moving one unit of mass costs, by the names of the command line.
package enum CostName: String, CaseIterable, Sendable {
  case squaredEuclidean = "squared-euclidean"
  case euclidean
  case l1
  case cosine

  package var cost: PointCost {
    switch self {
    case .squaredEuclidean: .squaredEuclidean
    case .euclidean: .euclidean
    case .l1: .manhattan
    case .cosine: .cosine
    }
  }
}
