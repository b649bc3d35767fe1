// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// k-means whose clusters have bounded sizes: samples are assigned exactly, centers are means (Bradley,
/// Bennett and Demiriz 2000; sizes from above as in Ng 2000).
///
/// The objective never rises; the best of its local optima is not known.
public struct ConstrainedKMeans: Sendable {
  /// How many clusters, at least 1 and at most as many as points.
  public var clusters: Int
  /// What sizes are allowed.
  public var sizes: ClusterSizes
  /// Which points the first centers are (k-means++).
  public var seed: Seed
  /// How many rounds are made at most.
  public var iterationsMax: Int

  public init(
    clusters: Int, sizes: ClusterSizes = .even, seed: Seed = Seed(0), iterationsMax: Int = 100
  ) {
    self.clusters = clusters
    self.sizes = sizes
    self.seed = seed
    self.iterationsMax = iterationsMax
  }

  /// The clusters.
  public struct Solution: Sendable {
    /// Each point's cluster, certified at `centers`.
    public let assignment: BalancedAssignment.Solution
    /// `[clusters, d]`.
    public let centers: Points
    /// The mean squared distance to the centers after each round.
    public let costs: [Double]
  }

  /// - Parameter start: first centers; nil draws points, far ones more likely.
  /// - Throws: `.badSetting` for counts out of range, `.notConverged`, `.cancelled`; else as
  ///   `BalancedAssignment`.
  public func solve(_ points: Points, start: Points? = nil) throws(TransportError) -> Solution {
    guard clusters > 0, clusters <= points.count, start.map({ $0.count == clusters }) ?? true else {
      throw TransportError(
        .badSetting, "\(clusters) clusters for \(points.count) points", at: "constrained k-means",
        remedy: "Give at least 1, no more than points, and as many first centers.")
    }
    let d = points.dimensions
    var centers: Points
    if let start { centers = start } else { centers = try spreadCenters(points) }
    var costs: [Double] = []
    var before: [Int] = []
    for _ in 0..<max(1, iterationsMax) {
      try checkCancelled("constrained k-means")
      let assignment = try BalancedAssignment(sizes).solve(PointCloud(points, centers))
      costs.append(assignment.cost / Double(points.count))
      let isSettled =
        assignment.clusterOf == before
        || (costs.count > 1 && costs[costs.count - 1] >= costs[costs.count - 2])
      if isSettled { return Solution(assignment: assignment, centers: centers, costs: costs) }
      before = assignment.clusterOf
      // A center that lost all stays where it is.
      var sums = centers.coordinates
      for cluster in 0..<clusters where assignment.loads[cluster] > 0 {
        for k in 0..<d { sums[cluster * d + k] = 0 }
      }
      for i in 0..<points.count {
        let cluster = assignment.clusterOf[i]
        for k in 0..<d {
          sums[cluster * d + k] +=
            points.coordinates[i * d + k] / Double(assignment.loads[cluster])
        }
      }
      centers = try Points(sums, dimensions: d)
    }
    throw TransportError(
      .notConverged, "after \(iterationsMax) rounds points still change their cluster",
      at: "constrained k-means", remedy: "Raise iterationsMax.")
  }

  private func spreadCenters(_ points: Points) throws(TransportError) -> Points {
    var random = SplitMix64(seed)
    var chosen = Array(points[Int.random(in: 0..<points.count, using: &random)])
    var nearest = [Double](repeating: .infinity, count: points.count)
    for _ in 1..<max(1, clusters) {
      let last = try Points(Array(chosen.suffix(points.dimensions)), dimensions: points.dimensions)
      var source = RowSource(try PointCloud(last, points))
      source.load(0)
      var sum = 0.0
      for i in 0..<points.count {
        nearest[i] = min(nearest[i], source.current[i])
        sum += nearest[i]
      }
      var left = Double.random(in: 0..<1, using: &random) * sum
      var choice = points.count - 1
      for i in 0..<points.count {
        left -= nearest[i]
        if left < 0 {
          choice = i
          break
        }
      }
      chosen += points[choice]
    }
    return try Points(chosen, dimensions: points.dimensions)
  }
}
