// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Coded points in lists, one for each center, so that a search reads the lists near the query alone
/// (an inverted file; Jégou, Douze and Schmid 2011).
public struct InvertedIndex: Sendable {
  /// Codes points.
  public let quantizer: ProductQuantizer
  /// The lists' centers.
  public let centers: Points
  /// The points' codes, `[n, parts]`.
  public let codes: [UInt8]
  /// Each list's points, ascending.
  public let lists: [[Int]]

  /// An index of points, each in the list of its nearest center.
  ///
  /// - Throws: `.shapeMismatch` where dimensions differ; else as `ProductQuantizer.codes`.
  public init(
    _ points: Points, centers: Points, quantizer: ProductQuantizer
  ) throws(TransportError) {
    codes = try quantizer.codes(of: points)
    let own = try ProductQuantizer.nearest(PointCloud(points, centers))
    var lists = [[Int]](repeating: [], count: centers.count)
    for (i, center) in own.enumerated() { lists[center].append(i) }
    self.lists = lists
    self.centers = centers
    self.quantizer = quantizer
  }

  /// The nearest coded points in the lists nearest to a query.
  ///
  /// - Parameter probes: how many lists are read; all of them give what `ProductQuantizer.search` does.
  /// - Returns: at most `count`, the nearest first.
  /// - Throws: `.shapeMismatch` for a query that does not fit, `.badSetting` for no probe.
  public func search(
    _ query: [Double], count: Int, probes: Int
  ) throws(TransportError) -> [ProductQuantizer.Found] {
    guard probes > 0 else {
      throw TransportError(
        .badSetting, "\(probes) probes", at: "inverted index",
        remedy: "Read at least 1 list.")
    }
    let cloud = try PointCloud(Points(query, dimensions: query.count), centers)
    let distances = try DenseCost(copying: cloud).costs
    let near = distances.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }
    return try quantizer.search(
      query, in: codes, count: count, among: near.prefix(probes).flatMap { lists[$0] })
  }
}
