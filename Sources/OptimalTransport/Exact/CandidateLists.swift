// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// The entries of each row that were cheapest when it was last read, and a bound for the others.
///
/// Potentials of columns only fall in an auction and in an assignment, so that `C − v` only grows:
/// what was not among a row's cheapest stays above the bound, and a row is read again only when all
/// its candidates have risen above it. Few rows are, so most bids look at 16 entries and not at all.
struct CandidateLists {
  private let size: Int
  private var places: [Int32]
  private var costs: [Double]
  /// The least `C − v` of the others when the row was read; before that, −∞.
  private var rest: [Double]

  /// Entries held of each row; measured best of 8, 12, 16, 24 and 32.
  private static let sizeUsual = 16

  init(rows: Int, columns: Int) {
    size = min(Self.sizeUsual, columns - 1)
    places = Array(repeating: 0, count: rows * size)
    costs = Array(repeating: 0, count: rows * size)
    rest = Array(repeating: -.infinity, count: rows)
  }

  /// The row's least `C − v`, its column, and a bound from below for the second least, which is
  /// that itself unless it lies beyond the candidates.
  mutating func twoLeast(
    _ row: Int, minus v: Span<Double>, _ source: inout RowSource
  ) -> (index: Int, value: Double, next: Double) {
    if size > 0, rest[row] > -.infinity {
      let found = look(row, v)
      if found.value <= found.next { return found }
    }
    source.load(row)
    guard size > 0 else { return (0, source.current[0] - v[0], .infinity) }
    read(row, source.current, v)
    return look(row, v)
  }

  private func look(
    _ row: Int, _ v: Span<Double>
  ) -> (index: Int, value: Double, next: Double) {
    let places = places.span
    let costs = costs.span
    var best = Double.infinity
    var next = rest[row]
    var index = 0
    // The bound stands for the others; the best may not be above it.
    for k in row * size..<(row + 1) * size {
      let j = Int(places[k])
      let value = costs[k] - v[j]
      if value < best {
        next = min(next, best)
        best = value
        index = j
      } else if value < next {
        next = value
      }
    }
    return (index, best, next)
  }

  private mutating func read(_ row: Int, _ line: Span<Double>, _ v: Span<Double>) {
    rest[row] = Self.read(line, v, row * size..<(row + 1) * size, &places, &costs)
  }

  /// A property's view would keep the others from being written.
  private static func read(
    _ line: Span<Double>, _ v: Span<Double>, _ range: Range<Int>, _ places: inout [Int32],
    _ costs: inout [Double]
  ) -> Double {
    var places = places.mutableSpan
    var costs = costs.mutableSpan
    var myPlaces = places.part(range)
    var myCosts = costs.part(range)
    return MatrixKernels.least(line, minus: v, places: &myPlaces, costs: &myCosts)
  }
}
