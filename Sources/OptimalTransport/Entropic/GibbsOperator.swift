// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation

/// The kernel `K = exp((f + g − C)/ε)` around some potentials, as passes over its rows.
///
/// Held as a matrix in f32 or f64, or worked out anew in each pass. Sums are in f64 always.
struct GibbsOperator {
  /// What an entry is worked out in.
  enum Precision: Sendable {
    case single
    case double
  }

  let rowCount: Int
  let columnCount: Int
  let threads: Threads
  let isHeld: Bool
  let precision: Precision
  /// What rows are cut into; the same in every pass.
  let parts: RowParts
  private let source: RowSource
  private let cloud: PointCloud?
  /// Of a cloud whose points are ordered as they lie: its columns by blocks.
  private let blocks: ColumnBlocks?
  /// Entries below `e^−reach` are left out there: all of them together are no more of a row's mass.
  private let reach: Double
  private let singles: SharedBuffer<Float>
  private let doubles: SharedBuffer<Double>
  /// Sums of the columns, for each part.
  private let partSums: SharedBuffer<Double>
  private var f: [Double] = []
  private var g: [Double] = []
  private var rate = 0.0
  /// The error that products through a grid may have, as a share of the mass; nil where they are not
  /// wanted.
  private var gridTolerance: Double?
  private var grid: InterpolatedKernel?
  /// Sums of rows, and their scales, where products go through a grid.
  private let whole: (sums: SharedBuffer<Double>, scales: SharedBuffer<Double>)
  private let gridSums: SharedBuffer<Double>

  /// A kernel of a geometry, in memory of `heldBytes` at most or in none.
  ///
  /// - Parameter gridTolerance: where given, products may go through a grid, with an error that is
  ///   this share of the mass at most.
  init(
    _ geometry: any CostGeometry, source: RowSource, precision: Precision, isHeld: Bool,
    reach: Double? = nil, gridTolerance: Double? = nil, threads: Threads
  ) {
    rowCount = geometry.rowCount
    columnCount = geometry.columnCount
    self.source = source
    self.precision = precision
    self.isHeld = isHeld
    self.threads = threads
    self.reach = reach ?? .infinity
    let entries = isHeld ? rowCount * columnCount : 0
    singles = SharedBuffer(count: precision == .single ? entries : 0)
    doubles = SharedBuffer(count: precision == .double ? entries : 0)
    parts = RowParts(
      rows: rowCount, columns: columnCount, elementBytes: precision == .single ? 4 : 8)
    partSums = SharedBuffer(count: parts.count * columnCount)
    // Squared distances in few dimensions are worked out with their exponentials, in one loop.
    if case .squaredEuclidean? = (geometry as? PointCloud)?.cost {
      let points = geometry as? PointCloud
      cloud = points!.sources.dimensions <= 3 ? points : nil
    } else {
      cloud = nil
    }
    self.gridTolerance = cloud == nil ? nil : gridTolerance
    let wide = self.gridTolerance == nil ? 0 : 1
    whole = (SharedBuffer(count: wide * rowCount), SharedBuffer(count: wide * rowCount))
    gridSums = SharedBuffer(count: wide * columnCount)
    blocks =
      reach != nil && !isHeld && precision == .single ? cloud.map { ColumnBlocks($0.targets) } : nil
  }

  /// Puts the kernel around potentials; O(nm) where it is held, O(1) else.
  mutating func rebuild(f: [Double], g: [Double], epsilon: Double) {
    self.f = f
    self.g = g
    rate = 1 / epsilon
    prepareGrid(epsilon)
    if let grid, let cloud {
      grid.rebuild(cloud, f: f, g: g)
      return
    }
    guard isHeld else { return }
    switch precision {
    case .single: fill(singles)
    case .double: fill(doubles)
    }
  }

  /// Whether products go through a grid.
  var isOnGrid: Bool { grid != nil }
  /// Whether scalings may grow while the kernel stays: it costs nothing, or more than an iteration.
  var staysAround: Bool { isHeld || isOnGrid }
  /// Whether entries are in f32, and sums of them in its range.
  var isSingle: Bool { precision == .single && !isOnGrid }

  /// Rows from now on.
  mutating func leaveGrid() {
    gridTolerance = nil
    grid = nil
  }

  private mutating func prepareGrid(_ epsilon: Double) {
    guard let gridTolerance, let cloud else { return }
    guard grid?.epsilon != epsilon else { return }
    grid = InterpolatedKernel(
      cloud, epsilon: epsilon, tolerance: gridTolerance, isHeld: isHeld, threads: threads)
  }

  /// Potentials to start from where products go through a grid at this ε.
  mutating func startingPotentials(epsilon: Double) -> Potentials? {
    prepareGrid(epsilon)
    guard let grid, let cloud else { return nil }
    return grid.startingPotentials(cloud)
  }

  /// A pass through the grid; infinite sums where its error is more than it may be.
  private func pass(
    _ grid: InterpolatedKernel, tolerance: Double, _ weights: [Double],
    _ columnSums: inout [Double], _ rule: RowRule
  ) {
    grid.rowSums(weights, into: whole.sums)
    let (n, m) = (rowCount, columnCount)
    // One block, as the rule is cheap beside the products.
    var scales = whole.scales.part(0..<n)
    rule(0..<n, whole.sums.span, &scales)
    // Marginals of a coupling add up to the sum of scales times sums: its mass.
    let mass = CostKernels.dot(whole.scales.span, whole.sums.span)
    guard grid.error(weights: weights, scales: whole.scales.span) <= tolerance * mass else {
      for j in 0..<m { columnSums[j] = .infinity }
      return
    }
    grid.columnSums(whole.scales.span, into: gridSums)
    let sums = gridSums.span
    for j in 0..<m { columnSums[j] = sums[j] }
  }

  private func fill<E: KernelElement>(_ matrix: SharedBuffer<E>) {
    let m = columnCount
    threads.forEach(parts.count, with: source) { source, part in
      for i in parts[part] {
        var row = matrix.part(i * m..<(i + 1) * m)
        write(i, from: &source, into: &row)
      }
    }
  }

  /// Row `i` of the kernel.
  private func write<E: KernelElement>(
    _ i: Int, from source: inout RowSource, into row: inout MutableSpan<E>
  ) {
    if let cloud {
      let d = cloud.sources.dimensions
      let x = cloud.rows.span.extracting(i * d..<(i + 1) * d)
      E.gibbsSquares(
        from: x, to: cloud.columns.span, g.span, f: f[i], rate: rate, into: &row, build: .best)
      return
    }
    source.load(i)
    E.gibbsRow(source.current, g.span, f: f[i], rate: rate, into: &row, build: .best)
  }

  /// A block of rows in a pass: how the sums of rows become scales of the same rows.
  typealias RowRule =
    @Sendable (
      _ rows: Range<Int>, _ sums: Span<Double>, _ scales: inout MutableSpan<Double>
    ) -> Void

  /// One pass: `sums_i = Σ_j K_ij w_j` of each row goes through `rule`, and
  /// `columnSums_j = Σ_i scales_i K_ij`.
  ///
  /// The rule is called for blocks of rows in several threads at once.
  func pass(weights: [Double], into columnSums: inout [Double], rule: RowRule) {
    if let grid, let gridTolerance {
      pass(grid, tolerance: gridTolerance / 4, weights, &columnSums, rule)
      return
    }
    switch precision {
    case .single:
      if let blocks, let cloud {
        pass(blocks, cloud, weights, &columnSums, rule)
      } else {
        pass(singles, weights, &columnSums, rule)
      }
    case .double: pass(doubles, weights, &columnSums, rule)
    }
  }

  private struct Scratch<E: KernelElement> {
    var source: RowSource
    let rows: SharedBuffer<E>
    let sums = SharedBuffer<Double>(count: RowParts.blockRowsGreatest)
    let scales = SharedBuffer<Double>(count: RowParts.blockRowsGreatest)
  }

  private func pass<E: KernelElement>(
    _ matrix: SharedBuffer<E>, _ weights: [Double], _ columnSums: inout [Double], _ rule: RowRule
  ) {
    let m = columnCount
    threads.forEach(
      parts.count,
      with: Scratch<E>(
        source: source, rows: SharedBuffer(count: isHeld ? 0 : RowParts.leanRows * m))
    ) { scratch, part in
      let (held, sumsOfRows, scalesOfRows) = (scratch.rows, scratch.sums, scratch.scales)
      var target = partSums.part(part * m..<(part + 1) * m)
      for j in target.indices { target[j] = 0 }
      parts.forEachBlock(part, rows: isHeld ? nil : RowParts.leanRows) { rows in
        let entries: Range<Int>
        if isHeld {
          entries = rows.lowerBound * m..<rows.upperBound * m
        } else {
          for (k, i) in rows.enumerated() {
            var row = held.part(k * m..<(k + 1) * m)
            write(i, from: &scratch.source, into: &row)
          }
          entries = 0..<rows.count * m
        }
        let block = (isHeld ? matrix : held).span.extracting(entries)
        var sums = sumsOfRows.part(0..<rows.count)
        E.dotRows(block, weights.span, into: &sums, build: .best)
        var scales = scalesOfRows.part(0..<rows.count)
        rule(rows, sumsOfRows.span.extracting(0..<rows.count), &scales)
        var target = partSums.part(part * m..<(part + 1) * m)
        E.addRows(
          block, scaledBy: scalesOfRows.span.extracting(0..<rows.count), into: &target,
          build: .best)
      }
    }
    sumParts(into: &columnSums)
  }

  /// One iteration of balanced scaling in one loop, the kernel held in f32.
  func sweep(
    _ a: [Double], _ b: [Double], u: inout MutableSpan<Double>, v: inout [Double], theta: Double,
    work: inout [Double]
  ) -> Double {
    CostKernels.sinkhornSweep(singles.span, a, b, u: &u, v: &v, theta: theta, work: &work)
  }

  /// Reads the rows of a part, in order; the kernel is in f64.
  func readRows(_ part: Int, _ body: (Int, Span<Double>) -> Void) {
    precondition(precision == .double, "rows are read in f64")
    let m = columnCount
    var source = source
    let own = SharedBuffer<Double>(count: isHeld ? 0 : m)
    for i in parts[part] {
      if isHeld {
        body(i, doubles.span.extracting(i * m..<(i + 1) * m))
      } else {
        var row = own.part(0..<m)
        write(i, from: &source, into: &row)
        body(i, own.span)
      }
    }
  }

  /// A pass over the blocks of columns that the kernel reaches.
  private func pass(
    _ blocks: ColumnBlocks, _ cloud: PointCloud, _ weights: [Double], _ columnSums: inout [Double],
    _ rule: RowRule
  ) {
    let m = columnCount
    let d = cloud.sources.dimensions
    let (f, g, rate, reach) = (f, g, rate, reach)
    let greatest = (0..<blocks.count).map { block in
      blocks.columns(block).reduce(-Double.infinity) { max($0, g[$1]) }
    }
    let few = RowParts.leanRows
    threads.forEach(
      parts.count,
      with: BlockScratch(
        tiles: SharedBuffer(count: blocks.count * ColumnBlocks.size * few), dimensions: d)
    ) { scratch, part in
      var target = partSums.part(part * m..<(part + 1) * m)
      for j in target.indices { target[j] = 0 }
      let (tiles, sums, partials, scales) = (
        scratch.tiles, scratch.sums, scratch.partials, scratch.scales
      )
      var reached: [Int] = []
      parts.forEachBlock(part, rows: few) { rows in
        var high = -Double.infinity
        for i in rows { high = max(high, f[i]) }
        let corners = scratch.box(rows, cloud.sources)
        reached.removeAll(keepingCapacity: true)
        for block in 0..<blocks.count {
          let least = blocks.leastSquare(
            block, corners.span.extracting(0..<d), corners.span.extracting(d..<2 * d))
          if (high + greatest[block] - least) * rate > -reach { reached.append(block) }
        }
        var total = sums.part(0..<rows.count)
        for k in total.indices { total[k] = 0 }
        for (at, block) in reached.enumerated() {
          let columns = blocks.columns(block)
          let own = g.span.extracting(columns)
          let y = blocks.coordinates.span.extracting(
            columns.lowerBound * d..<columns.upperBound * d)
          let from = at * ColumnBlocks.size * few
          for (k, i) in rows.enumerated() {
            var row = tiles.part(from + k * columns.count..<from + (k + 1) * columns.count)
            Float.gibbsSquares(
              from: cloud.rows.span.extracting(i * d..<(i + 1) * d), to: y, own, f: f[i],
              rate: rate, into: &row)
          }
          var some = partials.part(0..<rows.count)
          Float.dotRows(
            tiles.span.extracting(from..<from + rows.count * columns.count),
            weights.span.extracting(columns), into: &some)
          for k in total.indices { total[k] += some[k] }
        }
        var fresh = scales.part(0..<rows.count)
        rule(rows, sums.span.extracting(0..<rows.count), &fresh)
        for (at, block) in reached.enumerated() {
          let columns = blocks.columns(block)
          let from = at * ColumnBlocks.size * few
          var target = partSums.part(part * m + columns.lowerBound..<part * m + columns.upperBound)
          Float.addRows(
            tiles.span.extracting(from..<from + rows.count * columns.count),
            scaledBy: scales.span.extracting(0..<rows.count), into: &target)
        }
      }
    }
    sumParts(into: &columnSums)
  }

  private struct BlockScratch {
    let tiles: SharedBuffer<Float>
    let sums = SharedBuffer<Double>(count: RowParts.leanRows)
    let partials = SharedBuffer<Double>(count: RowParts.leanRows)
    let scales = SharedBuffer<Double>(count: RowParts.leanRows)
    private let corners: SharedBuffer<Double>

    init(tiles: SharedBuffer<Float>, dimensions: Int) {
      self.tiles = tiles
      corners = SharedBuffer(count: 2 * dimensions)
    }

    /// The least coordinates of some points, and the greatest after them.
    func box(_ rows: Range<Int>, _ points: Points) -> SharedBuffer<Double> {
      let d = points.dimensions
      for k in 0..<d {
        var (low, high) = (Double.infinity, -Double.infinity)
        for i in rows {
          low = min(low, points.coordinates[i * d + k])
          high = max(high, points.coordinates[i * d + k])
        }
        corners[k] = low
        corners[d + k] = high
      }
      return corners
    }
  }

  /// Sums of parts, in their order.
  private func sumParts(into columnSums: inout [Double]) {
    let m = columnCount
    let all = partSums.span
    var sums = columnSums.mutableSpan
    for j in 0..<m { sums[j] = all[j] }
    for part in 1..<max(1, parts.count) {
      let own = all.extracting(part * m..<(part + 1) * m)
      for j in 0..<m { sums[j] += own[j] }
    }
  }
}
