// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// k-means of measures: each belongs to the center nearest in W₂, and centers are the barycenters of
/// what belongs to them.
///
/// The objective never rises; the best of its local optima is not known.
public struct WassersteinKMeans: Sendable {
  /// How many clusters, at least 1 and at most as many as measures.
  public var clusters: Int
  /// How many points a center has.
  public var supportSize: Int
  /// Which measures the first centers are (k-means++, Arthur and Vassilvitskii 2007).
  public var seed: Seed
  /// How many rounds are made at most.
  public var iterationsMax: Int
  /// How centers are found.
  public var barycenter: FreeSupportBarycenter

  public init(
    clusters: Int, supportSize: Int = 20, seed: Seed = Seed(0), iterationsMax: Int = 50,
    barycenter: FreeSupportBarycenter = FreeSupportBarycenter(tolerance: 1e-5)
  ) {
    self.clusters = clusters
    self.supportSize = supportSize
    self.seed = seed
    self.iterationsMax = iterationsMax
    self.barycenter = barycenter
  }

  /// The clusters.
  public struct Solution: Sendable {
    /// Each measure's cluster.
    public let clusterOf: [Int]
    /// The centers.
    public let centers: [PointMeasure]
    /// The mean of W₂² between measures and their centers.
    public let cost: Double
    /// The same after each round.
    public let costs: [Double]
  }

  /// - Throws: `.badSetting` for counts out of range, `.notConverged` at the limit of rounds, else as
  ///   the barycenter.
  public func solve(_ measures: [PointMeasure]) throws(TransportError) -> Solution {
    guard clusters > 0, clusters <= measures.count, supportSize > 0 else {
      throw TransportError(
        .badSetting,
        "\(clusters) clusters of \(supportSize) points for \(measures.count) measures",
        at: "wasserstein k-means", remedy: "Give at least 1 of each, and no more than measures.")
    }
    var random = SplitMix64(seed)
    var centers = [
      try thinned(measures[Int.random(in: 0..<measures.count, using: &random)], &random)
    ]
    var nearest = [Double](repeating: .infinity, count: measures.count)
    while centers.count < clusters {
      for (at, measure) in measures.enumerated() {
        nearest[at] = min(nearest[at], try distance(measure, centers.last!))
      }
      var left = Double.random(in: 0..<1, using: &random) * nearest.reduce(0, +)
      var choice = measures.count - 1
      for at in measures.indices {
        left -= nearest[at]
        if left < 0 {
          choice = at
          break
        }
      }
      centers.append(try thinned(measures[choice], &random))
    }
    var clusterOf = [Int](repeating: -1, count: measures.count)
    var costs: [Double] = []
    for _ in 0..<max(1, iterationsMax) {
      try checkCancelled("wasserstein k-means")
      var changed = false
      var cost = 0.0
      for (at, measure) in measures.enumerated() {
        var best = (cluster: 0, cost: Double.infinity)
        for (cluster, center) in centers.enumerated() {
          let cost = try distance(measure, center)
          if cost < best.cost { best = (cluster, cost) }
        }
        cost += best.cost / Double(measures.count)
        if best.cluster != clusterOf[at] {
          clusterOf[at] = best.cluster
          changed = true
        }
      }
      costs.append(cost)
      if !changed {
        return Solution(clusterOf: clusterOf, centers: centers, cost: cost, costs: costs)
      }
      for cluster in centers.indices {
        let own = measures.indices.filter { clusterOf[$0] == cluster }.map { measures[$0] }
        // A center that lost all stays where it is.
        if !own.isEmpty {
          centers[cluster] = try barycenter.solve(own, start: centers[cluster]).measure
        }
      }
    }
    throw TransportError(
      .notConverged, "after \(iterationsMax) rounds measures still change their cluster",
      at: "wasserstein k-means", remedy: "Raise iterationsMax.")
  }

  /// The squared distance.
  private func distance(_ x: PointMeasure, _ y: PointMeasure) throws(TransportError) -> Double {
    try NetworkSimplex().solve(
      LinearProblem(
        PointCloud(x.points, y.points), rowMasses: x.masses, columnMasses: y.masses)
    ).transportCost
  }

  /// As many points as a center has, drawn from a measure, with equal masses.
  private func thinned(
    _ measure: PointMeasure, _ random: inout SplitMix64
  ) throws(TransportError) -> PointMeasure {
    var coordinates: [Double] = []
    for _ in 0..<supportSize {
      var left = Double.random(in: 0..<1, using: &random)
      var choice = measure.masses.lastIndex { $0 > 0 } ?? 0
      for at in measure.masses.indices {
        left -= measure.masses[at]
        if left < 0 {
          choice = at
          break
        }
      }
      coordinates += measure.points[choice]
    }
    return try PointMeasure(Points(coordinates, dimensions: measure.points.dimensions))
  }
}
