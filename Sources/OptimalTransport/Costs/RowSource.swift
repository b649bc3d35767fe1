// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

/// Rows of costs for solvers that read each many times: held where they are held already, or where
/// working them out costs more than reading them.
struct RowSource {
  private let geometry: any CostGeometry
  private let held: [Double]
  /// Rows worked out once, where that pays.
  private let copied: SharedBuffer<Double>
  private var buffer: [Double]
  private var start = 0
  private let isHeld: Bool
  let columnCount: Int

  /// 2³⁰ bytes of costs may be held beside the geometry.
  static let heldEntries = 1 << 27
  /// Up to this many dimensions a distance is worked out in about the time of reading it.
  static let cheapDimensions = 4

  /// Rows as the geometry gives them, none held.
  init(_ geometry: any CostGeometry) {
    self.geometry = geometry
    columnCount = geometry.columnCount
    copied = SharedBuffer(count: 0)
    if let dense = geometry as? DenseCost {
      held = dense.costs
      isHeld = true
      buffer = []
    } else {
      held = []
      isHeld = false
      buffer = [Double](repeating: 0, count: geometry.columnCount)
    }
  }

  /// Rows that will be read many times.
  init(holding geometry: any CostGeometry, threads: Threads = .one) throws(TransportError) {
    guard Self.isWorthHolding(geometry) else {
      self.init(geometry)
      return
    }
    let m = geometry.columnCount
    let all = SharedBuffer<Double>(count: geometry.rowCount * m)
    let sums = SharedBuffer<Double>(count: geometry.rowCount)
    let parts = RowParts(rows: geometry.rowCount, columns: m)
    threads.forEach(parts.count) { part in
      for i in parts[part] {
        var row = all.part(i * m..<(i + 1) * m)
        geometry.fillRow(i, into: &row)
        sums[i] = CostKernels.range(row.span).sum
      }
    }
    for i in 0..<geometry.rowCount where !sums[i].isFinite {
      // The error names the entry; a sum of finite costs may overflow, too.
      _ = try DenseCost((0..<m).map { all[i * m + $0] }, rows: 1, columns: m)
    }
    self.init(geometry, copied: all)
  }

  private init(_ geometry: any CostGeometry, copied: SharedBuffer<Double>) {
    self.geometry = geometry
    self.copied = copied
    columnCount = geometry.columnCount
    held = []
    isHeld = true
    buffer = []
  }

  private static func isWorthHolding(_ geometry: any CostGeometry) -> Bool {
    if geometry is DenseCost { return false }
    guard geometry.columnCount <= heldEntries / geometry.rowCount else { return false }
    guard let cloud = geometry as? PointCloud else { return true }
    if case .custom = cloud.cost { return true }
    return cloud.sources.dimensions > cheapDimensions
  }

  /// Makes a row the current one.
  mutating func load(_ row: Int) {
    if isHeld {
      start = row * columnCount
    } else {
      geometry.fillRow(row, into: &buffer)
    }
  }

  /// The costs of the row loaded last, `[columnCount]`.
  var current: Span<Double> {
    @_lifetime(borrow self)
    borrowing get {
      if copied.count > 0 { return copied.span.extracting(start..<start + columnCount) }
      return isHeld ? held.span.extracting(start..<start + columnCount) : buffer.span
    }
  }
}
