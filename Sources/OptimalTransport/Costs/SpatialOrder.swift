// SPDX-License-Identifier: Apache-2.0

/// An order of points in which neighbors in the list are neighbors in space: halves about the median
/// of the widest coordinate, again and again.
enum SpatialOrder {
  private static let leaf = 4

  /// Indices of the points in that order; equal points stay in theirs.
  static func of(_ points: Points) -> [Int] {
    var order = Array(0..<points.count)
    split(&order, 0..<points.count, points)
    return order
  }

  private static func split(_ order: inout [Int], _ range: Range<Int>, _ points: Points) {
    guard range.count > leaf else { return }
    let d = points.dimensions
    var widest = 0
    var width = -1.0
    for k in 0..<d {
      var (low, high) = (Double.infinity, -Double.infinity)
      for at in range {
        let value = points.coordinates[order[at] * d + k]
        low = min(low, value)
        high = max(high, value)
      }
      if high - low > width { (widest, width) = (k, high - low) }
    }
    guard width > 0 else { return }
    let keys = order[range].map { (points.coordinates[$0 * d + widest], $0) }
      .sorted { $0 < $1 }
    for (at, key) in zip(range, keys) { order[at] = key.1 }
    let middle = range.lowerBound + range.count / 2
    split(&order, range.lowerBound..<middle, points)
    split(&order, middle..<range.upperBound, points)
  }
}

/// The targets of a cloud in blocks with the boxes about them: what lies beyond the reach of the
/// kernel is passed over block by block.
struct ColumnBlocks: Sendable {
  /// Columns of a block, but for the last.
  static let size = 128
  let dimensions: Int
  let columnCount: Int
  /// Coordinates block after block, in each one coordinate after the other.
  let coordinates: [Double]
  private let low: [Double]
  private let high: [Double]

  var count: Int { (columnCount + Self.size - 1) / Self.size }

  init(_ points: Points) {
    dimensions = points.dimensions
    columnCount = points.count
    var coordinates: [Double] = []
    coordinates.reserveCapacity(points.coordinates.count)
    var low: [Double] = []
    var high: [Double] = []
    let d = points.dimensions
    for start in stride(from: 0, to: points.count, by: Self.size) {
      let end = min(start + Self.size, points.count)
      for k in 0..<d {
        let values = (start..<end).map { points.coordinates[$0 * d + k] }
        coordinates.append(contentsOf: values)
        low.append(values.min()!)
        high.append(values.max()!)
      }
    }
    self.coordinates = coordinates
    self.low = low
    self.high = high
  }

  /// The columns of a block.
  func columns(_ block: Int) -> Range<Int> {
    block * Self.size..<min((block + 1) * Self.size, columnCount)
  }

  /// No point of the block is nearer to a point of the box, squared.
  func leastSquare(_ block: Int, _ low: Span<Double>, _ high: Span<Double>) -> Double {
    var sum = 0.0
    for k in 0..<dimensions {
      let at = block * dimensions + k
      let gap = max(0, max(self.low[at] - high[k], low[k] - self.high[at]))
      sum += gap * gap
    }
    return sum
  }
}
