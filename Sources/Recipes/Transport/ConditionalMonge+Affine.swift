// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation

extension ConditionalMonge {
  /// Maps that are known: `T(x, c) = A(c) x + b(c)` with `A(c)` symmetric and positive, so that each is
  /// the best of all maps onto its images under squared distances.
  struct AffineMaps {
    static let dimensions = 4
    /// Two symmetric parts, `[d, d]`, eigenvalues at least 0.
    private let parts: [[Double]]
    /// Two shifts, `[d]`.
    private let shifts: [[Double]]
    /// Means of the mixture that points are drawn from, `[k, d]`.
    private let centers: [[Double]]

    init(using chance: inout SplitMix64) {
      let d = Self.dimensions
      func normals(_ count: Int, _ chance: inout SplitMix64) -> [Double] {
        (0..<count).map { _ in chance.normal() }
      }
      parts = (0..<2).map { _ in
        let root = normals(d * d, &chance)
        return matrixProduct(root, transposed(root, rows: d), inner: d).map { $0 / Double(d) }
      }
      shifts = (0..<2).map { _ in normals(d, &chance).map { 2 * $0 } }
      centers = (0..<3).map { _ in normals(d, &chance).map { 1.5 * $0 } }
    }

    /// Points of the mixture, `[count, d]`.
    func points(_ count: Int, using chance: inout SplitMix64) -> [Double] {
      (0..<count).flatMap { _ in
        let center = centers.randomElement(using: &chance)!
        return center.map { $0 + 0.5 * chance.normal() }
      }
    }

    /// Where they go.
    func moved(_ points: [Double], _ condition: SIMD2<Double>) -> [Double] {
      let d = Self.dimensions
      let matrix = (0..<d * d).map { k in
        (k / d == k % d ? 0.5 : 0) + condition[0] * parts[0][k] + condition[1] * parts[1][k]
      }
      var out = matrixProduct(points, matrix, inner: d)
      for k in out.indices {
        out[k] += condition[0] * shifts[0][k % d] + condition[1] * shifts[1][k % d]
      }
      return out
    }
  }

  /// What came of the known maps at conditions that were not trained.
  struct AffineResult {
    /// Of one map, the mean over conditions.
    struct Score {
      /// The distance W2 between where points go and where they should.
      var distance = MeanWithSpread()
      /// The mean length of the error of a point.
      var error = MeanWithSpread()
      /// The share of the variance explained.
      var explained = MeanWithSpread()
      /// The exact Monge gap over the mean cost.
      var gap = MeanWithSpread()
    }

    var scores: [String: Score] = [:]
    var seconds: [String: Double] = [:]
    var fits: [Variant: [Double]] = [:]
    var conditions = 0
  }

  static func affine(_ run: RecipeRun) throws -> AffineResult {
    var chance = run.generator("affine")
    let world = AffineMaps(using: &chance)
    let d = AffineMaps.dimensions
    func conditions(_ count: Int) -> [SIMD2<Double>] {
      (0..<count).map { _ in
        SIMD2(Double.random(in: 0..<1, using: &chance), Double.random(in: 0..<1, using: &chance))
      }
    }
    let count = run.size(smoke: 40, standard: 500)
    let (trained, unseen) = (
      conditions(run.size(smoke: 4, standard: 20)), conditions(run.size(smoke: 2, standard: 10))
    )
    func contexts(_ c: SIMD2<Double>) -> [[[Float]]] { [[[Float(c[0]), Float(c[1])]]] }
    let task = MapTask(
      dimensions: d, sources: world.points(count, using: &chance).map { Float($0) },
      conditions: trained.map { c in
        // Other points than the sources: nobody knows who went where.
        MapTask.Condition(
          contexts: contexts(c),
          targets: world.moved(world.points(count, using: &chance), c).map { Float($0) })
      }, cost: .squaredEuclidean)
    let effort = MapTask.Effort(
      steps: run.size(smoke: 10, standard: 2000), batch: run.size(smoke: 16, standard: 128),
      rate: 2e-3)
    let tests = world.points(run.size(smoke: 20, standard: 256), using: &chance)
    let singles = tests.map { Float($0) }
    var result = AffineResult()
    result.conditions = trained.count
    func score(_ name: String, _ map: (SIMD2<Double>) throws -> [Double]) throws {
      var score = AffineResult.Score()
      for c in unseen { try score.add(map(c), truth: world.moved(tests, c), from: tests, d) }
      result.scores[name] = score
    }
    try score("identity") { _ in tests }
    for variant in Variant.allCases {
      let taught = variant == .conditional && run.subject == .baseline ? .unconditional : variant
      run.note("\(taught.rawValue): \(trained.count) known maps, \(effort.steps) steps")
      let map = try task.trained(
        taught, effort, seed: run.seed.derived("affine maps"), run: run)
      result.seconds[variant.rawValue] = map.seconds
      result.fits[variant] = map.fits
      try score(variant.rawValue) { try map(singles, contexts: contexts($0)) }
    }
    return result
  }
}

extension ConditionalMonge.AffineResult.Score {
  fileprivate mutating func add(
    _ found: [Double], truth: [Double], from points: [Double], _ d: Int
  ) throws {
    let n = Double(found.count / d)
    let (images, goals) = (
      try Points(found, dimensions: d), try Points(truth, dimensions: d)
    )
    distance.add(
      max(0, try Assignment().solve(LinearProblem(PointCloud(images, goals))).transportCost)
        .squareRoot())
    var lengths = 0.0
    var squares = 0.0
    var spread = 0.0
    let mean = (0..<d).map { k in
      stride(from: k, to: truth.count, by: d).reduce(0.0) { $0 + truth[$1] } / n
    }
    for i in stride(from: 0, to: found.count, by: d) {
      var own = 0.0
      for k in 0..<d {
        own += (found[i + k] - truth[i + k]) * (found[i + k] - truth[i + k])
        spread += (truth[i + k] - mean[k]) * (truth[i + k] - mean[k])
      }
      lengths += own.squareRoot()
      squares += own
    }
    error.add(lengths / n)
    explained.add(1 - squares / spread)
    let value = try MongeGap()(Points(points, dimensions: d), images)
    gap.add(value.moved > 0 ? value.gap / value.moved : 0)
  }
}
