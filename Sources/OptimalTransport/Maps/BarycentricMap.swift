// SPDX-License-Identifier: Apache-2.0

import FerryTensors

extension Coupling {
  /// Where each row's mass goes on average, `[n, d]`: `Σ_j P_ij y_j / Σ_j P_ij`.
  ///
  /// - Parameter targets: the columns' points, `[m, d]`.
  /// - Throws: `.shapeMismatch` where counts differ; `.badMass` for a row without mass, which goes
  ///   nowhere.
  public func barycentricProjection(onto targets: Points) throws(TransportError) -> Points {
    guard targets.count == columnCount else {
      throw TransportError(
        .shapeMismatch, "\(targets.count) points for \(columnCount) columns",
        at: "barycentric projection", remedy: "Give one point for each column.")
    }
    let d = targets.dimensions
    let sums = try applied(to: Array(repeating: 1, count: columnCount))
    if let empty = sums.firstIndex(where: { !($0 > 0) }) {
      throw TransportError(
        .badMass, "no mass leaves it", at: "row \(empty)",
        remedy: "Leave out rows without mass: they go nowhere.")
    }
    var images = [Double](repeating: 0, count: rowCount * d)
    let byCoordinate = targets.byCoordinate
    for k in 0..<d {
      let image = try applied(
        to: Array(byCoordinate[k * targets.count..<(k + 1) * targets.count]))
      for i in 0..<rowCount { images[i * d + k] = image[i] / sums[i] }
    }
    return try Points(images, dimensions: d)
  }
}

/// The barycentric projection of a coupling, continued to points that it does not know: a new
/// point moves as its nearest source does (Ferradans et al. 2014, section 5.2).
public struct BarycentricMap: Sendable {
  /// The points that the coupling moves, `[n, d]`.
  public let sources: Points
  /// Where they go, `[n, d]`.
  public let images: Points

  /// - Throws: as `Coupling.barycentricProjection`, `.shapeMismatch` where sources differ in count
  ///   or dimensions.
  public init(
    _ coupling: Coupling, from sources: Points, to targets: Points
  ) throws(TransportError) {
    guard sources.count == coupling.rowCount, sources.dimensions == targets.dimensions else {
      throw TransportError(
        .shapeMismatch,
        "\(sources.count) sources of \(sources.dimensions) dimensions for \(coupling.rowCount)"
          + " rows and targets of \(targets.dimensions)", at: "barycentric map",
        remedy: "Give one source for each row, and both the same coordinates.")
    }
    self.sources = sources
    images = try coupling.barycentricProjection(onto: targets)
  }

  /// Images of any points: the sources' own for them, the nearest source's displacement for others.
  ///
  /// - Throws: `.shapeMismatch` where dimensions differ, `.badCost` for a point without a source at a
  ///   finite distance, `.cancelled`.
  public func callAsFunction(_ points: Points) throws(TransportError) -> Points {
    let d = sources.dimensions
    var source = RowSource(try PointCloud(points, sources))
    let none = [Double](repeating: 0, count: sources.count)
    var moved = points.coordinates
    for i in 0..<points.count {
      if i & 63 == 0 { try checkCancelled("barycentric map") }
      source.load(i)
      guard let nearest = CostKernels.least(source.current, minus: none.span)?.index else {
        throw TransportError(
          .badCost, "no source is at a finite distance", at: "point \(i)",
          remedy: "Scale the points down.")
      }
      for k in 0..<d {
        moved[i * d + k] +=
          images.coordinates[nearest * d + k] - sources.coordinates[nearest * d + k]
      }
    }
    return try Points(moved, dimensions: d)
  }
}
