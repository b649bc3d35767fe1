// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
package import FerryOptimalTransport
import FerryTensors

/// What samples are compared by, by the names of the command line.
package enum SelectFeatures: String, CaseIterable, Codable, Sendable {
  /// Whitened and of length 1.
  case whitened
  /// As they are in the files.
  case plain

  var form: SelectionFeatures.Form {
    switch self {
    case .whitened: .whitened
    case .plain: .plain
    }
  }
}

/// How samples are to be chosen.
package struct SelectChoice: Sendable {
  /// How many.
  package enum Size: Sendable {
    case count(Int)
    /// As many as come nearer, on so many folds.
    case folds(Int)
  }

  package let size: Size
  package let features: SelectFeatures
  /// Projected to so many first; nil is not at all.
  package let columns: Int?
  package let seed: Seed
  package let progress: (@Sendable (TargetedSelection.Fold) -> Void)?

  package init(
    size: Size, features: SelectFeatures = .whitened, columns: Int? = nil, seed: Seed = Seed(1),
    progress: (@Sendable (TargetedSelection.Fold) -> Void)? = nil
  ) {
    self.size = size
    self.features = features
    self.columns = columns
    self.seed = seed
    self.progress = progress
  }

  /// Chooses, and compares with as many at random.
  package func report(_ input: TransportInput) throws -> SelectReport {
    let ready = try SelectionFeatures(
      pool: input.sources, targets: input.targets, features.form, columns: columns, seed: seed)
    let (pool, targets, solver) = (ready.pool, ready.targets, ready.solver)
    let selection = TargetedSelection(solver: solver, progress: progress)
    let chosen =
      switch size {
      case .count(let count): try selection.choose(count, from: pool, for: targets)
      case .folds(let folds):
        try selection.chooseWhileNearer(
          from: pool, for: targets, folds: folds, seed: seed.derived("folds"))
      }
    var random = SplitMix64(seed.derived("random"))
    let others = (0..<pool.count).shuffled(using: &random).prefix(chosen.indices.count)
    let drawn = try Points(others.flatMap { pool[$0] }, dimensions: pool.dimensions)
    let compared = try solver.solve(
      LinearProblem(PointCloud(drawn, targets, cost: selection.cost)))
    return SelectReport(
      indices: chosen.indices, pool: pool.count, targets: targets.count, features: features,
      folds: chosen.folds.count, distance: chosen.distance,
      random: compared.certificate.dual)
  }
}

/// What `ferry ot select` prints.
package struct SelectReport: Encodable, Sendable {
  /// The rows chosen; not printed, but written.
  package let indices: [Int]
  package let pool: Int
  package let targets: Int
  package let features: SelectFeatures
  /// How many searches were joined; 0 where the count was given.
  package let folds: Int
  /// From the chosen to the targets, with entropy.
  package let distance: Double
  /// The same of as many samples at random.
  package let random: Double
  package var seconds = 0.0
  package var written: [String] = []

  private enum CodingKeys: String, CodingKey {
    case chosen, pool, targets, features, folds, distance, random, seconds, written
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(indices.count, forKey: .chosen)
    try fields.encode(pool, forKey: .pool)
    try fields.encode(targets, forKey: .targets)
    try fields.encode(features, forKey: .features)
    try fields.encode(folds, forKey: .folds)
    try fields.encode(distance, forKey: .distance)
    try fields.encode(random, forKey: .random)
    try fields.encode(seconds, forKey: .seconds)
    try fields.encode(written, forKey: .written)
  }

  /// Writes the rows' numbers: `.npy` as int64, else one a line under the name `row`.
  ///
  /// - Throws: `.fileUnwritable`, `TensorError`.
  package mutating func write(to path: String) throws {
    if path.lowercased().hasSuffix(".npy") {
      try Npy.write(HostTensor(indices.map { Int64($0) }), to: path)
    } else {
      try BoundedFile.write("row\n" + indices.map { "\($0)\n" }.joined(), to: path)
    }
    written.append(path)
  }

  package var text: String {
    let found = folds == 0 ? "by their count" : "on \(folds) folds of the targets"
    let lines = [
      ("chosen", "\(indices.count) of \(pool) samples for \(targets) targets, \(found)"),
      (
        "in sync",
        "distance to the targets \(TransportReport.short(random)) (as many at random) → "
          + TransportReport.short(distance)
      ),
      ("found", "\(features.rawValue) features, \(Quantity.seconds(seconds))"),
    ]
    return (lines + written.map { ("wrote", $0) }).map { line in
      line.0 + String(repeating: " ", count: 16 - line.0.count) + line.1 + "\n"
    }.joined()
  }
}
