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
  /// - Parameters:
  ///   - probes: how many lists are read; all of them give what `ProductQuantizer.search` does.
  ///   - nearness: which points, and which lists' centers, are near.
  /// - Returns: at most `count`, the nearest first.
  /// - Throws: `.badSetting` for no probe; else as `ProductQuantizer.search`.
  public func search(
    _ query: [Double], count: Int, probes: Int,
    by nearness: ProductQuantizer.Nearness = .distance
  ) throws(TransportError) -> [ProductQuantizer.Found] {
    guard probes > 0 else {
      throw TransportError(
        .badSetting, "\(probes) probes", at: "inverted index",
        remedy: "Read at least 1 list.")
    }
    try checkCancelled("inverted index")
    guard query.count == centers.dimensions else {
      throw TransportError(
        .shapeMismatch, "\(query.count) coordinates for \(centers.dimensions)",
        at: "inverted index",
        remedy: "Give a query like the points that are coded.")
    }
    let distances = (0..<centers.count).map { list in
      zip(query, centers[list]).reduce(0.0) { sum, pair in
        switch nearness {
        case .distance: sum + (pair.0 - pair.1) * (pair.0 - pair.1)
        case .product: sum - pair.0 * pair.1
        }
      }
    }
    let near = distances.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }
    let table = try quantizer.table(of: query, by: nearness)
    var few = NearestFew(count)
    for list in near.prefix(probes) {
      try quantizer.scan(lists[list], in: codes, table, into: &few)
    }
    return try few.found()
  }
}
