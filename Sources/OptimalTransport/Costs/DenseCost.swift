// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Costs given one by one: O(nm) memory.
public struct DenseCost: CostGeometry {
  public let rowCount: Int
  public let columnCount: Int
  /// The costs, `[rowCount, columnCount]`, row after row.
  public let costs: [Double]

  /// Costs, `[rows, columns]`, row after row.
  ///
  /// - Throws: `.shapeMismatch` where there are not rows × columns of them, at least one;
  ///   `.badCost` at the first that is not finite.
  public init(_ costs: [Double], rows: Int, columns: Int) throws(TransportError) {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard rows > 0, columns > 0, !overflow, costs.count == count else {
      throw TransportError(
        .shapeMismatch, "\(costs.count) costs for \(rows) rows and \(columns) columns",
        at: "dense cost", remedy: "Give rows × columns costs, row after row, at least one.")
    }
    if let bad = costs.firstIndex(where: { !$0.isFinite }) {
      throw TransportError(
        .badCost, "the cost is \(costs[bad])", at: "row \(bad / columns), column \(bad % columns)",
        remedy: "Costs must be finite: scale huge coordinates down, leave out what is NaN.")
    }
    rowCount = rows
    columnCount = columns
    self.costs = costs
  }

  /// The costs of another geometry, worked out once; O(nm) memory.
  ///
  /// - Throws: `.badCost` at the first that is not finite.
  public init(copying geometry: any CostGeometry) throws(TransportError) {
    let m = geometry.columnCount
    var costs = [Double](repeating: 0, count: geometry.rowCount * m)
    var all = costs.mutableSpan
    for i in 0..<geometry.rowCount {
      var row = all.part(i * m..<(i + 1) * m)
      geometry.fillRow(i, into: &row)
    }
    try self.init(costs, rows: geometry.rowCount, columns: m)
  }

  public func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    let source = self.costs.span.extracting(row * columnCount..<(row + 1) * columnCount)
    for j in costs.indices { costs[j] = source[j] }
  }
}
