// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// The cost of moving one unit of mass between two points.
public enum PointCost: Sendable {
  /// `‖x − y‖²`, without the factor 1/2 that some texts put before it.
  case squaredEuclidean
  /// `‖x − y‖`.
  case euclidean
  /// `Σ |x − y|`, also named L1.
  case manhattan
  /// `1 − ⟨x, y⟩/(‖x‖ ‖y‖)`, from 0 to 2; no point may be the origin.
  case cosine
  /// `(Σ |x − y|^p)^(q/p)`: the norm of order p ≥ 1 to the power q > 0.
  case minkowski(p: Double, power: Double)
  /// Any function of two points' coordinates, pure and finite.
  case custom(@Sendable (ArraySlice<Double>, ArraySlice<Double>) -> Double)
}

/// Costs between points, worked out when they are asked for: O(n + m) memory.
public struct PointCloud: CostGeometry {
  /// The rows' points, `[n, d]`.
  public let sources: Points
  /// The columns' points, `[m, d]`.
  public let targets: Points
  /// What moving costs.
  public let cost: PointCost

  /// As the kernels read them: scaled to length 1 for the cosine, targets one coordinate after
  /// the other.
  let rows: [Double]
  let columns: [Double]

  /// - Throws: `.shapeMismatch` where dimensions differ; `.badPoint` for a point at the origin
  ///   under the cosine; `.badSetting` for a norm's order or power out of range.
  public init(
    _ sources: Points, _ targets: Points, cost: PointCost = .squaredEuclidean
  ) throws(TransportError) {
    guard sources.dimensions == targets.dimensions else {
      throw TransportError(
        .shapeMismatch,
        "sources have \(sources.dimensions) dimensions, targets \(targets.dimensions)",
        at: "point cloud", remedy: "Give both the same coordinates.")
    }
    if case .minkowski(let p, let power) = cost,
      !(p >= 1 && p.isFinite && power > 0 && power.isFinite)
    {
      throw TransportError(
        .badSetting, "the norm has order \(p) and power \(power)", at: "point cloud",
        remedy: "Give a finite order of at least 1 and a finite power above 0.")
    }
    self.sources = sources
    self.targets = targets
    self.cost = cost
    if case .cosine = cost {
      rows = try Self.directions(sources, side: "source").coordinates
      columns = try Self.directions(targets, side: "target").byCoordinate
    } else {
      rows = sources.coordinates
      columns = targets.byCoordinate
    }
  }

  public var rowCount: Int { sources.count }
  public var columnCount: Int { targets.count }

  public func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    let d = sources.dimensions
    let x = rows.span.extracting(row * d..<(row + 1) * d)
    switch cost {
    case .squaredEuclidean:
      CostKernels.distances(.squared, from: x, to: columns.span, into: &costs)
    case .euclidean:
      CostKernels.distances(.squared, from: x, to: columns.span, into: &costs)
      for j in costs.indices { costs[j] = costs[j].squareRoot() }
    case .manhattan:
      CostKernels.distances(.absolute, from: x, to: columns.span, into: &costs)
    case .cosine:
      CostKernels.distances(.product, from: x, to: columns.span, into: &costs)
      // Rounding may leave the product of two equal directions above 1.
      for j in costs.indices { costs[j] = max(0, 1 - costs[j]) }
    case .minkowski(let p, let power):
      fillNorms(x, p, power, &costs)
    case .custom(let function):
      let source = sources[row]
      for j in costs.indices { costs[j] = function(source, targets[j]) }
    }
  }

  /// The mean squared distance, and a bound on all: that of the box around the points. Nil where one
  /// overflows.
  var squares: (mean: Double, greatest: Double)? {
    var (mean, greatest) = (0.0, 0.0)
    for k in 0..<sources.dimensions {
      let (x, y) = (sources.moments(k), targets.moments(k))
      mean += x.variance + y.variance + (x.mean - y.mean) * (x.mean - y.mean)
      let length = max(x.high, y.high) - min(x.low, y.low)
      greatest += length * length
    }
    return mean.isFinite && greatest.isFinite ? (mean, greatest) : nil
  }

  private func fillNorms(
    _ x: Span<Double>, _ p: Double, _ power: Double, _ costs: inout MutableSpan<Double>
  ) {
    let m = costs.count
    for j in 0..<m { costs[j] = 0 }
    for k in 0..<x.count {
      let coordinates = columns.span.extracting(k * m..<(k + 1) * m)
      for j in 0..<m { costs[j] += pow(abs(x[k] - coordinates[j]), p) }
    }
    for j in 0..<m { costs[j] = pow(costs[j], power / p) }
  }

  /// The points scaled to length 1; each first by its greatest coordinate, so that no square
  /// overflows.
  private static func directions(_ points: Points, side: String) throws(TransportError) -> Points {
    var scaled = points.coordinates
    for i in 0..<points.count {
      let range = i * points.dimensions..<(i + 1) * points.dimensions
      let greatest = points[i].reduce(0) { max($0, abs($1)) }
      guard greatest > 0 else {
        throw TransportError(
          .badPoint, "the cosine of a point at the origin is not defined", at: "\(side) \(i)",
          remedy: "Leave the point out, or choose another cost.")
      }
      for at in range { scaled[at] /= greatest }
      let length = scaled[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
      for at in range { scaled[at] /= length }
    }
    return try Points(scaled, dimensions: points.dimensions)
  }
}
