// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Costs between the cells of one grid that are sums over its axes, `Σ_k |i_k − j_k|^p s_k^p`: images,
/// volumes, histograms. `Sinkhorn` applies the kernel axis by axis, O(N^(1 + 1/d)) a product.
public struct GridCost: CostGeometry {
  /// How many cells each axis has; the last one varies fastest in rows and columns.
  public let shape: [Int]
  /// Costs along each axis, `[shape[k], shape[k]]`.
  let axes: [[Double]]

  /// A grid whose cells lie `spacing` apart along each axis.
  ///
  /// - Parameters:
  ///   - shape: cells of each axis, at least one axis, each at least 1.
  ///   - spacing: the distance of neighbors along each axis, above 0; nil is 1/shape.
  ///   - power: p, above 0; 2 is the squared Euclidean cost, and 1 the sum of distances.
  /// - Throws: `.shapeMismatch` for a shape without cells or a spacing of another count;
  ///   `.badSetting` for a spacing or power out of range.
  public init(
    shape: [Int], spacing: [Double]? = nil, power: Double = 2
  ) throws(TransportError) {
    let spacing = spacing ?? shape.map { 1 / Double(max(1, $0)) }
    guard !shape.isEmpty, shape.allSatisfy({ $0 > 0 }), spacing.count == shape.count,
      shape.reduce(1, { $0 &* $1 }) > 0, shape.reduce(1.0, { $0 * Double($1) }) < 0x1p40
    else {
      throw TransportError(
        .shapeMismatch, "the shape is \(shape) and there are \(spacing.count) spacings",
        at: "grid", remedy: "Give at least one axis, cells along each, and a spacing for each.")
    }
    guard power > 0, power.isFinite, spacing.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw TransportError(
        .badSetting, "the spacing is \(spacing) and the power \(power)", at: "grid",
        remedy: "Give finite numbers above 0.")
    }
    self.shape = shape
    axes = zip(shape, spacing).map { count, spacing in
      (0..<count * count).map { k in
        pow(Double(abs(k / count - k % count)) * spacing, power)
      }
    }
  }

  public var rowCount: Int { shape.reduce(1, *) }
  public var columnCount: Int { rowCount }

  public func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    // Axis after axis: the cost of all cells of the axes so far, then one more for each cell.
    costs[0] = 0
    var count = 1
    var rest = rowCount
    var remaining = row
    for (size, axis) in zip(shape, axes) {
      rest /= size
      let own = remaining / rest
      remaining %= rest
      for before in stride(from: count - 1, through: 0, by: -1) {
        let base = costs[before]
        for j in stride(from: size - 1, through: 0, by: -1) {
          costs[before * size + j] = base + axis[own * size + j]
        }
      }
      count *= size
    }
  }
}
