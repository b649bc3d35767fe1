// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport

/// Means, variances and third central moments of each coordinate of some points.
package struct PopulationMoments: Sendable {
  /// `[d]`.
  package let mean: [Double]
  /// `[d]`.
  package let variance: [Double]
  /// `[d]`.
  package let third: [Double]

  /// Of points `[n, d]`, at least one.
  package init(_ points: [Double], dimensions d: Int) {
    let n = Double(points.count / d)
    var (mean, variance, third) = (
      [Double](repeating: 0, count: d), [Double](repeating: 0, count: d),
      [Double](repeating: 0, count: d)
    )
    for (place, value) in points.enumerated() { mean[place % d] += value / n }
    for (place, value) in points.enumerated() {
      let away = value - mean[place % d]
      variance[place % d] += away * away / n
      third[place % d] += away * away * away / n
    }
    (self.mean, self.variance, self.third) = (mean, variance, third)
  }
}

/// How far predictions are from treated cells, means over treatments: all but `paired` from other cells
/// under the treatment, as an experiment has them.
struct PerturbationScore {
  /// The Sinkhorn divergence of distances, ε as in the fit.
  var divergence = MeanWithSpread()
  /// The squared maximum mean discrepancy.
  var discrepancy = MeanWithSpread()
  /// Lengths of the errors of mean, variance and third moment.
  var mean = MeanWithSpread()
  var variance = MeanWithSpread()
  var third = MeanWithSpread()
  /// The mean distance of a cell's image from what became of that very cell.
  var paired = MeanWithSpread()
  /// The exact Monge gap, and the mean way that cells are moved.
  var gap = MeanWithSpread()
  var way = MeanWithSpread()
  /// The squared correlation of genes' means.
  var geneMeans = MeanWithSpread()

  mutating func add(
    _ images: [Double], others: [Double], truth: [Double], from start: [Double],
    dimensions d: Int
  ) throws -> Double {
    let (own, goal) = (
      PopulationMoments(images, dimensions: d), PopulationMoments(others, dimensions: d)
    )
    mean.add(Self.length(own.mean, goal.mean))
    variance.add(Self.length(own.variance, goal.variance))
    third.add(Self.length(own.third, goal.third))
    let count = images.count / d
    paired.add(
      (0..<count).reduce(0.0) { sum, cell in
        let row = cell * d..<(cell + 1) * d
        return sum + Self.length(images[row], truth[row]) / Double(count)
      })
    discrepancy.add(PopulationDistance.discrepancy(images, others, dimensions: d))
    let points = try Points(images, dimensions: d)
    let sinkhorn = Sinkhorn(.epsilon(MapTask.epsilon), tolerance: 1e-4)
    let value = try SinkhornDivergence(sinkhorn)(
      PointCloud(points, Points(others, dimensions: d), cost: .euclidean)
    ).divergence
    divergence.add(value)
    let moved = try MongeGap(cost: .euclidean)(Points(start, dimensions: d), points)
    gap.add(moved.gap)
    way.add(moved.moved)
    return value
  }

  private static func length<Values: Sequence>(
    _ a: Values, _ b: Values
  ) -> Double where Values.Element == Double {
    zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  /// The squared correlation of two lists.
  static func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let (x, y) = (
      a.reduce(0, +) / Double(a.count), b.reduce(0, +) / Double(b.count)
    )
    var (xx, yy, xy) = (0.0, 0.0, 0.0)
    for (p, q) in zip(a, b) {
      xx += (p - x) * (p - x)
      yy += (q - y) * (q - y)
      xy += (p - x) * (q - y)
    }
    return xx > 0 && yy > 0 ? xy * xy / (xx * yy) : 0
  }
}

/// All ways' scores on all treatments that are tested.
struct PerturbationScores {
  private typealias Scores = [PerturbationContenders.Way: PerturbationScore]
  private var scores: [PerturbationData.Group: Scores] = [:]
  /// Of the method, for each test: how far the treated cells' mean is from that of the nearest trained
  /// condition, and the divergence.
  private(set) var reach: [(group: PerturbationData.Group, distance: Double, error: Double)] = []

  init(_ data: PerturbationData, _ contenders: PerturbationContenders) throws {
    let d = data.dimensions
    let known = data.trained.map { PopulationMoments(data.treated[$0]!, dimensions: d).mean }
    for group in PerturbationData.Group.allCases {
      for treatment in data.tests[group]! {
        let truth = data.truth[treatment]!
        for way in PerturbationContenders.Way.allCases {
          guard let images = try contenders.images(way, under: treatment) else { continue }
          var score = scores[group]?[way] ?? PerturbationScore()
          let error = try score.add(
            images, others: data.others[treatment]!, truth: truth, from: data.start, dimensions: d)
          let told = PopulationMoments(
            try data.autoencoder.original(images), dimensions: data.autoencoder.features)
          score.geneMeans.add(
            PerturbationScore.correlation(told.mean, data.geneMeans[treatment]!))
          scores[group, default: [:]][way] = score
          guard way == .mode else { continue }
          let mean = PopulationMoments(truth, dimensions: d).mean
          let distances = known.map { other in
            zip(mean, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
          }
          reach.append((group, distances.min()!, error))
        }
      }
    }
  }

  subscript(group: PerturbationData.Group, way: PerturbationContenders.Way) -> PerturbationScore {
    scores[group]![way]!
  }
}
