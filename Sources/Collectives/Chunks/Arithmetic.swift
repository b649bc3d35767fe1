// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Loops over parts of vectors that collectives need themselves, in place.
enum Arithmetic {
  /// Divides the values in a range; a division, not a product by the inverse, which rounds twice.
  static func divide(_ values: inout [Float], _ range: Range<Int>, by divisor: Float) {
    var all = values.mutableSpan
    var span = all._mutatingExtracting(range)
    for i in span.indices { span[i] /= divisor }
  }

  /// Multiplies the values in a range.
  static func scale(_ values: inout [Float], _ range: Range<Int>, by scale: Float) {
    guard scale != 1 else { return }
    var all = values.mutableSpan
    var span = all._mutatingExtracting(range)
    Kernels.scale(&span, by: scale)
  }

  /// Adds `source[from]`, as many values, to `values[range]`.
  static func add(
    _ source: borrowing [Float], _ from: Range<Int>, to values: inout [Float], _ range: Range<Int>
  ) {
    var all = values.mutableSpan
    var span = all._mutatingExtracting(range)
    Kernels.accumulate(source.span.extracting(from), into: &span)
  }

  /// Puts `source[from]` in the place of the values that begin at `start`.
  static func copy(
    _ source: borrowing [Float], _ from: Range<Int>, to values: inout [Float], at start: Int
  ) {
    var all = values.mutableSpan
    var span = all._mutatingExtracting(start..<start + from.count)
    Bytes.copy(source.span.extracting(from).elementBytes, into: &span)
  }
}
