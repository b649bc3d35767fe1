// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
package import FerryTensors
import Foundation

/// The kernel `exp((f + g − ‖x − y‖²)/ε)` of points in 1 to 3 dimensions, through a grid.
///
/// Masses are brought onto the nodes around their points by polynomials of degree 11, blurred there
/// axis by axis, and read off at the other points in the same way: O(n + m) a product where ε is not
/// small beside the cloud, and O(n + m) memory. Entries are true to an absolute error, so that a
/// coupling found with them is to be measured with the exact ones.
package struct InterpolatedKernel {
  package let epsilon: Double
  private let axes: [GridKernels.Axis]
  private let shape: [Int]
  /// Along each axis `exp(−(q h)²/ε)`, with zeros around it.
  private let lines: [[Double]]
  private let rows: PlacedPoints
  private let columns: PlacedPoints
  /// The middle of the rows less that of the columns: each side is placed around its own.
  private let offset: [Double]
  /// What an entry before its factors may be off by.
  private let entryError: Double
  private let grids: (SharedBuffer<Double>, SharedBuffer<Double>)
  private let partGrids: SharedBuffer<Double>
  private let threads: Threads

  /// One side's points between the nodes.
  private struct PlacedPoints {
    let starts: SharedBuffer<Int32>
    let weights: SharedBuffer<Double>
    /// What potentials make of the kernel.
    let factors: SharedBuffer<Double>
    let values: SharedBuffer<Double>
    let parts: Int

    var count: Int { starts.count }

    func range(_ part: Int) -> Range<Int> { part * count / parts..<(part + 1) * count / parts }
  }

  /// 2²² nodes are 32 MiB.
  private static let nodesGreatest = 1 << 22
  /// Grids of all parts together.
  private static let partNodesGreatest = 1 << 24
  private static let partsGreatest = 8
  /// A part of less work takes less time than waking a thread.
  private static let partWork = 1 << 19
  /// Nanoseconds for a point's node and for a product along an axis, and for an entry of a kernel that
  /// is held and of one that is not: what they are beside each other decides.
  private static let nanoseconds = (node: 0.19, product: 0.1, held: 0.22, lean: 1.2)
  /// Polynomials through 12 nodes at spacing h are within this times `(h²/ε)⁶` of the kernel, an axis
  /// and side: `12!/6!` of its 12th derivative, by the nodes' product in the middle.
  private static let errorFactor = 36.6
  /// How much of that bound is seen on average over points, at most.
  private static let errorSeen = 0.02

  /// A kernel whose entries, each by its scalings, are within `tolerance` of the mass in all for
  /// clouds that lie on one another.
  ///
  /// Nil where rows of the kernel are read in less time, `isHeld` or not.
  package init?(
    _ cloud: PointCloud, epsilon: Double, tolerance: Double, isHeld: Bool, threads: Threads
  ) {
    let d = cloud.sources.dimensions
    guard case .squaredEuclidean = cloud.cost, d <= 3 else { return nil }
    let (n, m) = (cloud.rowCount, cloud.columnCount)
    let (x, y) = (Self.centered(cloud.sources), Self.centered(cloud.targets))
    let lengths = (0..<d).map { max(x.high[$0], y.high[$0]) - min(x.low[$0], y.low[$0]) }
    let amplification = lengths.reduce(1) { $0 * max(1, $1 / (Double.pi * epsilon).squareRoot()) }
    // No entry is off by more than it can be, whatever is allowed.
    let bound = min(1, tolerance / amplification)
    let step = (epsilon * pow(bound / (2 * Double(d) * Self.errorFactor), 1.0 / 6)).squareRoot()
    guard bound >= 1e-12, step > 0, step.isFinite,
      lengths.allSatisfy({ $0 / step < Double(Self.nodesGreatest) })
    else { return nil }
    let cells = lengths.map { max(1, Int(($0 / step).rounded(.up))) }
    let shape = cells.map { $0 + GridKernels.nodes - 1 }
    let reach = Int((epsilon * log(100 / bound)).squareRoot() / step) + 1
    let nodes = shape.reduce(1.0) { $0 * Double($1) }
    let around = pow(Double(GridKernels.nodes), Double(d))
    let products = shape.reduce(0) { $0 + Double(min($1, 2 * reach + 1)) } * nodes
    let time =
      Double(n + m) * around * Self.nanoseconds.node + 2 * products * Self.nanoseconds.product
    let entry = isHeld ? Self.nanoseconds.held : Self.nanoseconds.lean
    guard nodes <= Double(Self.nodesGreatest), time < 0.75 * entry * Double(n) * Double(m)
    else { return nil }
    self.epsilon = epsilon
    self.shape = shape
    self.threads = threads
    entryError = bound * Self.errorSeen
    lines = shape.map { count in
      let reach = min(reach, count - 1)
      let beyond = reach + GridKernels.margin
      return (-beyond...beyond).map { q in
        abs(q) > reach ? 0 : exp(-Double(q * q) * step * step / epsilon)
      }
    }
    axes = (0..<d).map { k in
      GridKernels.Axis(
        low: min(x.low[k], y.low[k]), rate: 1 / step, cells: cells[k],
        stride: shape[(k + 1)...].reduce(1, *))
    }
    offset = (0..<d).map { x.middle[$0] - y.middle[$0] }
    let count = Int(nodes)
    grids = (SharedBuffer(count: count), SharedBuffer(count: count))
    let mostParts = min(Self.partsGreatest, max(1, Self.partNodesGreatest / count))
    func placed(_ coordinates: [Double], _ count: Int, _ axes: [GridKernels.Axis]) -> PlacedPoints {
      let starts = SharedBuffer<Int32>(count: count)
      let weights = SharedBuffer<Double>(count: count * d * GridKernels.nodes)
      var first = starts.part(0..<count)
      var all = weights.part(0..<weights.count)
      GridKernels.place(coordinates.span, axes, starts: &first, weights: &all)
      return PlacedPoints(
        starts: starts, weights: weights, factors: SharedBuffer(count: count),
        values: SharedBuffer(count: count),
        parts: max(1, min(mostParts, Int(Double(count) * around) / Self.partWork)))
    }
    rows = placed(x.coordinates, n, axes)
    columns = placed(y.coordinates, m, axes)
    let parts = max(rows.parts, columns.parts)
    partGrids = SharedBuffer(count: parts > 1 ? parts * count : 0)
  }

  /// Points around their middle, and the box they fill then.
  private static func centered(
    _ points: Points
  ) -> (coordinates: [Double], middle: [Double], low: [Double], high: [Double]) {
    let d = points.dimensions
    var all = points.coordinates
    var middle = [Double](repeating: 0, count: d)
    var low = [Double](repeating: .infinity, count: d)
    var high = [Double](repeating: -.infinity, count: d)
    for k in 0..<d {
      var sum = 0.0
      for i in stride(from: k, to: all.count, by: d) { sum += all[i] }
      middle[k] = sum / Double(points.count)
      for i in stride(from: k, to: all.count, by: d) {
        all[i] -= middle[k]
        low[k] = min(low[k], all[i])
        high[k] = max(high[k], all[i])
      }
    }
    return (all, middle, low, high)
  }

  /// Potentials with which the kernel is that of clouds that lie on one another:
  /// `‖x − y‖² = ‖x̃ − ỹ‖² + 2 (x̃ − ỹ)·δ + ‖δ‖²`.
  package func startingPotentials(_ cloud: PointCloud) -> Potentials {
    Potentials(rows: tilt(cloud.sources, 1), columns: tilt(cloud.targets, -1))
  }

  private func tilt(_ points: Points, _ sign: Double) -> [Double] {
    let middle = Self.centered(points).coordinates
    let d = offset.count
    let square = sign > 0 ? offset.reduce(0) { $0 + $1 * $1 } : 0
    return (0..<points.count).map { i in
      (0..<d).reduce(square) { $0 + sign * 2 * offset[$1] * middle[i * d + $1] }
    }
  }

  /// Puts the kernel around potentials.
  package func rebuild(_ cloud: PointCloud, f: [Double], g: [Double]) {
    let start = startingPotentials(cloud)
    let epsilon = epsilon
    for (side, potentials, own) in [(rows, f, start.rows), (columns, g, start.columns)] {
      let exponents = potentials.indices.map { (potentials[$0] - own[$0]) / epsilon }
      var factors = side.factors.part(0..<side.count)
      CostKernels.exponentials(exponents.span, into: &factors)
    }
  }

  /// What entries of a coupling with these weights and scales are off by, together.
  package func error(weights: [Double], scales: Span<Double>) -> Double {
    entryError * CostKernels.dot(weights.span, columns.factors.span)
      * CostKernels.dot(scales, rows.factors.span)
  }

  /// `sums_i = Σ_j K_ij weights_j`.
  package func rowSums(_ weights: [Double], into sums: SharedBuffer<Double>) {
    product(of: weights.span, from: columns, to: rows, into: sums)
  }

  /// `sums_j = Σ_i scales_i K_ij`.
  package func columnSums(_ scales: Span<Double>, into sums: SharedBuffer<Double>) {
    product(of: scales, from: rows, to: columns, into: sums)
  }

  private func product(
    of values: Span<Double>, from: PlacedPoints, to: PlacedPoints,
    into sums: SharedBuffer<Double>
  ) {
    let all = from.factors.span
    var scaled = from.values.part(0..<from.count)
    for i in scaled.indices { scaled[i] = values[i] * all[i] }
    spread(from)
    blur()
    let (grid, shape, perPoint) = (grids.0, shape, axes.count * GridKernels.nodes)
    threads.forEach(to.parts) { part in
      let range = to.range(part)
      var own = sums.part(range)
      GridKernels.gather(
        grid.span, starts: to.starts.span.extracting(range),
        weights: to.weights.span.extracting(
          range.lowerBound * perPoint..<range.upperBound * perPoint),
        shape: shape, into: &own)
      let factors = to.factors.span.extracting(range)
      for i in own.indices { own[i] *= factors[i] }
    }
  }

  /// The values of `from` on the first grid. Each part has a grid of its own; they are added in order.
  private func spread(_ from: PlacedPoints) {
    let count = grids.0.count
    let (target, shape, perPoint) = (
      from.parts == 1 ? grids.0 : partGrids, shape, axes.count * GridKernels.nodes
    )
    threads.forEach(from.parts) { part in
      var own = target.part(part * count..<(part + 1) * count)
      for q in own.indices { own[q] = 0 }
      let range = from.range(part)
      GridKernels.spread(
        from.values.span.extracting(range), starts: from.starts.span.extracting(range),
        weights: from.weights.span.extracting(
          range.lowerBound * perPoint..<range.upperBound * perPoint),
        shape: shape, into: &own)
    }
    guard from.parts > 1 else { return }
    var sum = grids.0.part(0..<count)
    for q in sum.indices { sum[q] = target[q] }
    for part in 1..<from.parts {
      CostKernels.accumulate(
        target.span.extracting(part * count..<(part + 1) * count), scaledBy: 1, into: &sum)
    }
  }

  /// The first grid times the kernel along each axis.
  private func blur() {
    let count = grids.0.count
    for (k, line) in lines.enumerated() {
      let (from, to) = k % 2 == 0 ? (grids.0, grids.1) : (grids.1, grids.0)
      let length = shape[k]
      let inner = count / length
      let parts = max(1, min(Self.partsGreatest, count * line.count / (8 * Self.partWork)))
      threads.forEach(parts) { part in
        let columns = part * inner / parts..<(part + 1) * inner / parts
        var own = to.part(columns.lowerBound * length..<columns.upperBound * length)
        GridKernels.convolve(
          from.span, kernel: line.span, count: length, columns: columns, into: &own)
      }
    }
    if lines.count % 2 == 1 {
      var own = grids.0.part(0..<count)
      let last = grids.1.span
      for q in own.indices { own[q] = last[q] }
    }
  }
}
