// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Work on parts of vectors, in place.
enum Arithmetic {
  /// Divides the values in a range.
  static func divide<Element: CollectiveElement>(
    _ values: inout [Element], _ range: Range<Int>, by divisor: Double
  ) {
    guard divisor != 1 else { return }
    var all = values.mutableSpan
    var span = all.part(range)
    Element.divide(&span, by: divisor)
  }

  /// Multiplies the values in a range.
  static func scale<Element: CollectiveElement>(
    _ values: inout [Element], _ range: Range<Int>, by scale: Double
  ) {
    guard scale != 1 else { return }
    var all = values.mutableSpan
    var span = all.part(range)
    Element.scale(&span, by: scale)
  }

  /// Puts `source[from]` in the place of the values that begin at `start`.
  static func copy<Element: CollectiveElement>(
    _ source: borrowing [Element], _ from: Range<Int>, to values: inout [Element], at start: Int
  ) {
    var all = values.mutableSpan
    var span = all.part(start..<start + from.count)
    Bytes.copy(source.span.extracting(from).elementBytes, into: &span)
  }
}
