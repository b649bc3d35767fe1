// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

/// The entries of each row that were cheapest when it was last read, and a bound for the others.
///
/// Potentials of columns only fall in an auction and in an assignment, so that `C − v` only grows:
/// what was not among a row's cheapest stays above the bound, and a row is read again only when all
/// its candidates have risen above it. Then it looks at 16 entries and not at all.
struct CandidateLists {
  private let greatestSize: Int
  /// Entries held of a row read from now on; those of rows read before may be more.
  private var size: Int
  /// How many entries each row holds.
  private let counts: SharedBuffer<Int32>
  private let places: SharedBuffer<Int32>
  private let costs: SharedBuffer<Double>
  /// The least `C − v` of the others when the row was read; before that, −∞.
  private let rest: SharedBuffer<Double>
  private var source: RowSource
  private let threads: Threads

  /// Entries held of each row; measured best of 8, 12, 16, 24 and 32.
  private static let sizeUsual = 16
  /// The same of short rows: 64 columns to 1,000, measured best of 2, 4, 6, 7, 8, 9, 12 and 16.
  private static let sizeShort = 12
  /// Where bids change prices by far more than a row's entries differ, no list lasts.
  private static let sizeFew = 4
  /// Fewer entries are read sooner than another thread wakes.
  private static let parallelEntries = 1 << 16
  /// As many waiting rows as are read again together: few enough that what is read last is not
  /// outdated by the bids of the others.
  private static let batch = 16
  /// Rows in one part of a loop over threads.
  private static let part = 4

  init(_ source: RowSource, rows: Int, threads: Threads) {
    self.source = source
    self.threads = threads
    let usual = max(Self.sizeShort, source.columnCount / 256)
    greatestSize = min(Self.sizeUsual, usual, source.columnCount - 1)
    size = greatestSize
    places = SharedBuffer(count: rows * size)
    costs = SharedBuffer(count: rows * size)
    counts = SharedBuffer(count: rows)
    rest = SharedBuffer(count: rows)
    for row in 0..<rows { rest[row] = -.infinity }
  }

  /// Rows read from now on hold few entries: quicker to find, sooner outdated.
  mutating func hold(few: Bool) { size = min(few ? Self.sizeFew : Self.sizeUsual, greatestSize) }

  /// What a row likes best: its column, its `C − v`, and a bound from below for the second least,
  /// which is that itself unless it lies beyond the candidates.
  struct Choice {
    let index: Int
    let value: Double
    let next: Double
  }

  /// The choice at the present potentials; nil where the row must be read again.
  func choice(_ row: Int, minus v: Span<Double>) -> Choice? {
    let others = rest[row]
    var best = Double.infinity
    var next = others
    var index = 0
    let places = places.span
    let costs = costs.span
    for k in row * greatestSize..<row * greatestSize + Int(counts[row]) {
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
    return best <= others ? Choice(index: index, value: best, next: next) : nil
  }

  /// The choice, the row read again where it must be.
  mutating func freshChoice(_ row: Int, minus v: Span<Double>) -> Choice {
    if let choice = choice(row, minus: v) { return choice }
    source.load(row)
    guard size > 0 else {
      return Choice(index: 0, value: source.current[0] - v[0], next: .infinity)
    }
    read(row, source.current, v)
    return choice(row, minus: v)!
  }

  /// The choice; where the row must be read again, others that must be are, too, over threads.
  mutating func freshChoice(_ row: Int32, with others: [Int32], minus v: [Double]) -> Choice {
    if let choice = choice(Int(row), minus: v.span) { return choice }
    var stale = [row]
    for other in others.suffix(Self.batch - 1).reversed()
    where choice(Int(other), minus: v.span) == nil {
      stale.append(other)
    }
    refresh(stale, minus: v)
    return freshChoice(Int(row), minus: v.span)
  }

  /// The candidate of least `C − v`, whatever the others are; nil for a row never read.
  func least(_ row: Int, minus v: Span<Double>) -> (index: Int, value: Double)? {
    var best = Double.infinity
    var index = -1
    let places = places.span
    let costs = costs.span
    for k in row * greatestSize..<row * greatestSize + Int(counts[row]) {
      let j = Int(places[k])
      let value = costs[k] - v[j]
      if value < best {
        best = value
        index = j
      }
    }
    return index < 0 ? nil : (index, best)
  }

  /// Reads all rows, over threads; those that have a `C − v` below their `u` get candidates anew.
  ///
  /// - Returns: how many have.
  func renew(below u: [Double], minus v: [Double], tolerance: Double) -> Int {
    let parts = RowParts(rows: u.count, columns: v.count)
    let found = SharedBuffer<Int32>(count: parts.count)
    threads.forEach(parts.count, with: source) { source, part in
      for row in parts[part] {
        source.load(row)
        guard let least = CostKernels.least(source.current, minus: v.span),
          least.value - u[row] < -tolerance
        else { continue }
        found[part] += 1
        read(row, source.current, v.span)
      }
    }
    return found.array().reduce(0) { $0 + Int($1) }
  }

  /// Reads rows again, over threads.
  func refresh(_ rows: [Int32], minus v: [Double]) {
    guard size > 0 else { return }
    let isLittle = rows.count * source.columnCount < Self.parallelEntries
    (isLittle ? .one : threads).forEach((rows.count + Self.part - 1) / Self.part, with: source) {
      source, part in
      for at in part * Self.part..<min(rows.count, (part + 1) * Self.part) {
        source.load(Int(rows[at]))
        read(Int(rows[at]), source.current, v.span)
      }
    }
  }

  private func read(_ row: Int, _ line: Span<Double>, _ v: Span<Double>) {
    let range = row * greatestSize..<row * greatestSize + size
    counts[row] = Int32(size)
    var myPlaces = places.part(range)
    var myCosts = costs.part(range)
    rest[row] = MatrixKernels.least(line, minus: v, places: &myPlaces, costs: &myCosts)
  }
}
