// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

/// The samples of a pool by how near they are to each target: layer k holds each target's k-th nearest.
///
/// Lists grow as they are asked for, twice as deep each time.
struct NeighborLayers {
  /// From targets (rows) to the pool (columns).
  private let cloud: PointCloud
  private let threads: Threads
  /// Of each target, the nearest of the pool in order; equal distances by index.
  private var lists: [[Int32]] = []

  /// How deep the first lists are.
  private static let depthFirst = 32

  init(
    _ targets: Points, in pool: Points, cost: PointCost, threads: Threads
  ) throws(TransportError) {
    cloud = try PointCloud(targets, pool, cost: cost)
    self.threads = threads
  }

  /// How many layers there are: as many as samples in the pool.
  var count: Int { cloud.columnCount }

  /// The k-th nearest of every target, in the order of targets; a sample may be there twice.
  mutating func layer(_ k: Int) throws(TransportError) -> [Int] {
    precondition(k >= 0 && k < count, "layer \(k) of \(count)")
    if lists.isEmpty || k >= lists[0].count {
      try deepen(to: min(count, max(Self.depthFirst, 2 * k)))
    }
    return lists.map { Int($0[k]) }
  }

  private mutating func deepen(to depth: Int) throws(TransportError) {
    try checkCancelled("selection")
    let found = ResultSlots<[Int32]>(cloud.rowCount)
    let (cloud, n) = (cloud, count)
    threads.forEach(cloud.rowCount, with: [Double](repeating: 0, count: n)) { costs, target in
      cloud.fillRow(target, into: &costs)
      found[target] = Self.nearest(depth, costs)
    }
    var next: [[Int32]] = []
    for target in 0..<cloud.rowCount {
      let list = found[target]!
      guard list.count == depth else {
        _ = try CostRange(of: cloud)
        preconditionFailure("\(list.count) of \(depth) nearest among finite costs")
      }
      next.append(list)
    }
    lists = next
  }

  /// The places of the least costs in order; fewer where some are not finite.
  private static func nearest(_ depth: Int, _ costs: [Double]) -> [Int32] {
    guard costs.allSatisfy(\.isFinite) else { return [] }
    guard depth < costs.count else {
      return costs.indices.map { Int32($0) }.sorted { (costs[Int($0)], $0) < (costs[Int($1)], $1) }
    }
    var places = [Int32](repeating: 0, count: depth)
    let zeros = [Double](repeating: 0, count: costs.count)
    var least = [Double](repeating: 0, count: depth)
    var placeView = places.mutableSpan
    var leastView = least.mutableSpan
    _ = MatrixKernels.least(costs.span, minus: zeros.span, places: &placeView, costs: &leastView)
    // Of those that are as far as the last, the first by index: lists of any depth then agree.
    let last = least.max()!
    places.removeAll { costs[Int($0)] == last }
    for (place, cost) in costs.enumerated() where cost == last && places.count < depth {
      places.append(Int32(place))
    }
    return places.sorted { (costs[Int($0)], $0) < (costs[Int($1)], $1) }
  }
}
