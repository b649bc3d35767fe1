// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// The directions in which points vary most (Pearson 1901): features for costs between points of
/// many coordinates.
public struct PrincipalComponents: Sendable {
  /// The points' mean, `[d]`.
  public let mean: [Double]
  /// Unit vectors, each orthogonal to the others, that of the greatest variance first:
  /// `[count, d]`. Of each and its opposite, the one whose greatest coordinate is positive.
  public let axes: [Double]
  /// The points' variance along each axis, as means of squares, `[count]`.
  public let variances: [Double]

  /// Of `points: [n, d]`, as many as wanted and at most d. O(n d² + d³).
  ///
  /// - Throws: `.badSetting` for a count that there is not, `.badPoint` where squares of coordinates
  ///   overflow, `.cancelled`.
  public init(of points: Points, count: Int) throws(TransportError) {
    let d = points.dimensions
    guard count > 0, count <= d else {
      throw TransportError(
        .badSetting, "\(count) components of \(d) coordinates", at: "principal components",
        remedy: "Ask for at least 1 and at most one for each coordinate.")
    }
    let n = points.count
    var columns = points.byCoordinate
    var mean = [Double](repeating: 0, count: d)
    for k in 0..<d {
      let sum = CompensatedSum.of(Array(columns[k * n..<(k + 1) * n]))
      mean[k] = sum / Double(n)
      for i in k * n..<(k + 1) * n { columns[i] -= mean[k] }
    }
    // Coordinates that never vary are in no axis that does: pictures have many.
    let varying = (0..<d).filter { k in columns[k * n..<(k + 1) * n].contains { $0 != 0 } }
    let kept = varying.count >= count ? varying : Array(0..<d)
    let size = kept.count
    var covariance = [Double](repeating: 0, count: size * size)
    let all = columns.span
    for j in 0..<size {
      let row = all.extracting(kept[j] * n..<(kept[j] + 1) * n)
      for k in 0...j {
        let other = all.extracting(kept[k] * n..<(kept[k] + 1) * n)
        let value = CostKernels.dot(row, other) / Double(n)
        covariance[j * size + k] = value
        covariance[k * size + j] = value
      }
    }
    try checkCancelled("principal components")
    guard covariance.allSatisfy(\.isFinite) else {
      throw TransportError(
        .badPoint, "products of coordinates overflow", at: "principal components",
        remedy: "Scale the points down.")
    }
    let eigen = try SymmetricEigen(covariance, dimensions: size)
    let order = eigen.values.indices.sorted {
      (-eigen.values[$0], $0) < (-eigen.values[$1], $1)
    }
    var axes: [Double] = []
    for k in order.prefix(count) {
      let values = eigen.vectors[k * size..<(k + 1) * size]
      let greatest = values.max { abs($0) < abs($1) }!
      var axis = [Double](repeating: 0, count: d)
      for (place, value) in zip(kept, values) { axis[place] = greatest < 0 ? -value : value }
      axes += axis
    }
    self.mean = mean
    self.axes = axes
    variances = order.prefix(count).map { max(0, eigen.values[$0]) }
  }

  /// The coordinates of any points along the axes, from the mean: `[n, count]`.
  ///
  /// - Throws: `.shapeMismatch` for points of other dimensions.
  public func callAsFunction(_ points: Points) throws(TransportError) -> Points {
    let d = mean.count
    guard points.dimensions == d else {
      throw TransportError(
        .shapeMismatch, "points of \(points.dimensions) coordinates for axes of \(d)",
        at: "principal components", remedy: "Give points like those it was made of.")
    }
    let count = variances.count
    let shift = (0..<count).map {
      CostKernels.dot(axes.span.extracting($0 * d..<($0 + 1) * d), mean.span)
    }
    var out: [Double] = []
    out.reserveCapacity(points.count * count)
    let (all, lines) = (points.coordinates.span, axes.span)
    for i in 0..<points.count {
      let point = all.extracting(i * d..<(i + 1) * d)
      for k in 0..<count {
        out.append(CostKernels.dot(point, lines.extracting(k * d..<(k + 1) * d)) - shift[k])
      }
    }
    return try Points(out, dimensions: count)
  }
}
