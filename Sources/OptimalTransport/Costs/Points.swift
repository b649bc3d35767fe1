// SPDX-License-Identifier: Apache-2.0

/// Points of one dimension count, with finite coordinates, held in f64.
public struct Points: Sendable, Equatable {
  /// How many points there are, at least 1.
  public let count: Int
  /// How many coordinates each has, at least 1.
  public let dimensions: Int
  /// The coordinates, `[count, dimensions]`, point after point.
  public let coordinates: [Double]

  /// Points from their coordinates, `[count, dimensions]`, point after point.
  ///
  /// - Throws: `.shapeMismatch` where the coordinates are no whole number of points, at least one;
  ///   `.badPoint` at the first that is not finite.
  public init(_ coordinates: [Double], dimensions: Int) throws(TransportError) {
    guard dimensions > 0, !coordinates.isEmpty, coordinates.count % dimensions == 0 else {
      throw TransportError(
        .shapeMismatch, "\(coordinates.count) numbers for points of \(dimensions) dimensions",
        at: "points", remedy: "Give dimensions numbers for each point, and at least one point.")
    }
    if let bad = coordinates.firstIndex(where: { !$0.isFinite }) {
      throw TransportError(
        .badPoint, "coordinate \(bad % dimensions) is \(coordinates[bad])",
        at: "point \(bad / dimensions)", remedy: "Leave the point out, or give its coordinate.")
    }
    self.coordinates = coordinates
    self.dimensions = dimensions
    count = coordinates.count / dimensions
  }

  /// The same from f32, widened exactly.
  ///
  /// - Throws: as the other initializer.
  public init(floats coordinates: [Float], dimensions: Int) throws(TransportError) {
    try self.init(coordinates.map(Double.init), dimensions: dimensions)
  }

  /// The coordinates of one point, `[dimensions]`.
  public subscript(index: Int) -> ArraySlice<Double> {
    coordinates[index * dimensions..<(index + 1) * dimensions]
  }

  /// Of one coordinate: the mean, the mean square around it, and the ends.
  func moments(_ k: Int) -> (mean: Double, variance: Double, low: Double, high: Double) {
    var (sum, low, high) = (0.0, Double.infinity, -Double.infinity)
    for i in stride(from: k, to: coordinates.count, by: dimensions) {
      sum += coordinates[i]
      low = min(low, coordinates[i])
      high = max(high, coordinates[i])
    }
    let mean = sum / Double(count)
    var variance = 0.0
    for i in stride(from: k, to: coordinates.count, by: dimensions) {
      variance += (coordinates[i] - mean) * (coordinates[i] - mean)
    }
    return (mean, variance / Double(count), low, high)
  }

  /// One coordinate of all points after the other, `[dimensions, count]`: what row kernels read.
  var byCoordinate: [Double] {
    var turned = [Double](repeating: 0, count: coordinates.count)
    for i in 0..<count {
      for k in 0..<dimensions { turned[k * count + i] = coordinates[i * dimensions + k] }
    }
    return turned
  }
}
