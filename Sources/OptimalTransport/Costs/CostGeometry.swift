// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// What it costs to move one unit of mass from each source (row) to each target (column).
///
/// Costs are asked for a row at a time, so that a geometry need not hold all of them.
public protocol CostGeometry: Sendable {
  /// How many sources there are, at least 1.
  var rowCount: Int { get }
  /// How many targets there are, at least 1.
  var columnCount: Int { get }

  /// Writes the costs from source `row` to all targets, `[columnCount]`, in the unit of cost.
  ///
  /// The same call gives the same bits. Costs may be negative; solvers refuse those that are not
  /// finite.
  func fillRow(_ row: Int, into costs: inout MutableSpan<Double>)
}

extension CostGeometry {
  /// The cost of one entry; O(columnCount).
  public func cost(_ row: Int, _ column: Int) -> Double {
    var costs = [Double](repeating: 0, count: columnCount)
    var span = costs.mutableSpan
    fillRow(row, into: &span)
    return costs[column]
  }
}

/// Least, greatest and mean cost of a geometry; O(nm), O(m) memory.
public struct CostRange: Sendable, Equatable {
  /// The least cost.
  public let least: Double
  /// The greatest cost.
  public let greatest: Double
  /// The mean over all entries, unweighted.
  public let mean: Double
  /// The mean over rows of each row's least cost.
  public let meanRowLeast: Double
  /// Below 2¹⁶ entries the true range takes hardly any time.
  private static let fewEntries = 1 << 16
  /// Sums of potentials stay finite below this.
  static let magnitudeLimit = 1e290
  /// A strength of entropy or of a penalty is at most this: its products with two masses of
  /// `LinearProblem.totalLimit` stay finite.
  static let strengthLimit = 1e250

  /// The greatest cost minus the least.
  var spread: Double { greatest - least }
  /// The greatest magnitude.
  public var magnitude: Double { max(abs(least), abs(greatest)) }

  /// - Throws: `.badCost` at the first entry that is not finite, or for costs above 1e290.
  public init(
    of geometry: any CostGeometry, threads: Threads = .cores
  ) throws(TransportError) {
    let n = geometry.rowCount
    let m = geometry.columnCount
    let parts = RowParts(rows: n, columns: m)
    // Least, greatest and sum of each row.
    let found = SharedBuffer<Double>(count: 3 * n)
    let source = RowSource(geometry)
    threads.forEach(parts.count, with: source) { source, part in
      for i in parts[part] {
        source.load(i)
        let range = CostKernels.range(source.current)
        found[3 * i] = range.least
        found[3 * i + 1] = range.greatest
        found[3 * i + 2] = range.sum
      }
    }
    var least = Double.infinity
    var greatest = -Double.infinity
    var mean = 0.0
    var rowLeast = 0.0
    for i in 0..<n {
      let (low, high, sum) = (found[3 * i], found[3 * i + 1], found[3 * i + 2] / Double(m))
      // NaN is neither least nor greatest, and is found by its sum.
      if !(sum - sum == 0) || !low.isFinite || !high.isFinite {
        var row = [Double](repeating: 0, count: m)
        geometry.fillRow(i, into: &row)
        if let column = row.firstIndex(where: { !$0.isFinite }) {
          throw TransportError(
            .badCost, "the cost is \(row[column])", at: "row \(i), column \(column)",
            remedy: "Costs must be finite: scale huge coordinates down, leave out what is NaN.")
        }
      }
      least = min(least, low)
      greatest = max(greatest, high)
      mean += sum / Double(n)
      rowLeast += low / Double(n)
    }
    guard max(abs(least), abs(greatest)) <= Self.magnitudeLimit else {
      throw TransportError(
        .badCost, "the costs reach \(abs(least) > abs(greatest) ? least : greatest)", at: "costs",
        remedy: "Scale them: sums of costs above \(Self.magnitudeLimit) overflow.")
    }
    self.least = least
    self.greatest = greatest
    self.mean = mean
    meanRowLeast = rowLeast
  }

  /// The same where bounds are enough: of squared distances the mean, and 0 and the square of the
  /// box around all points; O(n + m).
  init(
    near geometry: any CostGeometry, threads: Threads
  ) throws(TransportError) {
    guard let cloud = geometry as? PointCloud, case .squaredEuclidean = cloud.cost,
      cloud.rowCount > Self.fewEntries / cloud.columnCount,
      let (mean, greatest) = cloud.squares, greatest <= Self.magnitudeLimit
    else {
      self = try CostRange(of: geometry, threads: threads)
      return
    }
    least = 0
    self.greatest = greatest
    self.mean = mean
    meanRowLeast = 0
  }

  /// The same of a grid, axis by axis: O(N) in all.
  init(of grid: GridCost) throws(TransportError) {
    least = 0
    greatest = grid.axes.reduce(0) { $0 + $1.max()! }
    mean = grid.axes.reduce(0) { $0 + CompensatedSum.of($1) / Double($1.count) }
    meanRowLeast = 0
    guard greatest <= Self.magnitudeLimit else {
      throw TransportError(
        .badCost, "the costs reach \(greatest)", at: "costs",
        remedy: "Scale them: sums of costs above \(Self.magnitudeLimit) overflow.")
    }
  }
}
