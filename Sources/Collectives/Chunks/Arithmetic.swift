// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Work on parts of vectors, in place.
enum Arithmetic {
  /// Divides the values in a range.
  static func divide<Element: CollectiveElement>(
    _ values: inout Gathered<Element>, _ range: Range<Int>, by divisor: Double
  ) {
    guard divisor != 1 else { return }
    var span = values.part(range)
    Element.divide(&span, by: divisor)
  }

  /// Multiplies the values in a range.
  static func scale<Element: CollectiveElement>(
    _ values: inout Gathered<Element>, _ range: Range<Int>, by scale: Double
  ) {
    guard scale != 1 else { return }
    var span = values.part(range)
    Element.scale(&span, by: scale)
  }

  /// Puts values in the place of those that begin at `start`.
  static func copy<Element: CollectiveElement>(
    _ source: Span<Element>, to values: inout Gathered<Element>, at start: Int
  ) {
    var span = values.part(start..<start + source.count)
    Bytes.copy(source.elementBytes, into: &span)
  }
}
