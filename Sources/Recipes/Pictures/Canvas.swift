// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A white picture to put dots and arrows on, by coordinates of one's own; y grows upward.
struct Canvas {
  private let width: Int
  private let height: Int
  private let x: ClosedRange<Double>
  private let y: ClosedRange<Double>
  private var bytes: [UInt8]

  /// Red, green and blue.
  typealias Color = (UInt8, UInt8, UInt8)
  static let gray: Color = (185, 185, 185)
  static let green: Color = (20, 130, 60)
  static let red: Color = (200, 40, 40)
  static let blue: Color = (40, 80, 190)

  /// A picture that shows these ranges.
  init(width: Int, height: Int, x: ClosedRange<Double>, y: ClosedRange<Double>) {
    (self.width, self.height, self.x, self.y) = (width, height, x, y)
    bytes = [UInt8](repeating: 255, count: width * height * 3)
  }

  /// A picture that shows all of some points.
  init(width: Int, height: Int, showing points: [SIMD2<Double>]) {
    func range(_ values: [Double]) -> ClosedRange<Double> {
      let (low, high) = (values.min() ?? 0, values.max() ?? 1)
      let edge = max(1e-9, 0.05 * (high - low))
      return low - edge...high + edge
    }
    self.init(
      width: width, height: height, x: range(points.map(\.x)), y: range(points.map(\.y)))
  }

  /// A round dot.
  mutating func dot(_ point: SIMD2<Double>, _ color: Color, radius: Int = 1) {
    let (column, row) = place(point)
    for down in -radius...radius {
      for right in -radius...radius where right * right + down * down <= radius * radius + 1 {
        paint(column + right, row + down, color)
      }
    }
  }

  /// A line with a dot where it ends.
  mutating func arrow(from start: SIMD2<Double>, to end: SIMD2<Double>, _ color: Color) {
    let (a, b) = (place(start), place(end))
    let steps = max(1, abs(b.column - a.column), abs(b.row - a.row))
    for step in 0...steps {
      paint(
        a.column + (b.column - a.column) * step / steps, a.row + (b.row - a.row) * step / steps,
        color)
    }
    dot(end, color, radius: 2)
  }

  /// What was drawn.
  func picture() throws(RecipeError) -> Picture {
    try Picture(width: width, height: height, bytes: bytes)
  }

  private func place(_ point: SIMD2<Double>) -> (column: Int, row: Int) {
    func pixel(_ value: Double, _ range: ClosedRange<Double>, _ count: Int) -> Int {
      let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
      // Far outside is outside: an Int holds no infinity.
      return Int((max(-1, min(2, share)) * Double(count - 1)).rounded())
    }
    return (pixel(point.x, x, width), height - 1 - pixel(point.y, y, height))
  }

  private mutating func paint(_ column: Int, _ row: Int, _ color: Color) {
    guard (0..<width).contains(column), (0..<height).contains(row) else { return }
    let start = (row * width + column) * 3
    (bytes[start], bytes[start + 1], bytes[start + 2]) = color
  }
}
