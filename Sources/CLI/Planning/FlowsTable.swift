// SPDX-License-Identifier: Apache-2.0

package import FerryPlanning

/// The table of `ferry plan flows`.
package struct FlowsTable: Sendable {
  private let rows: [PlacementComparison.Row]

  package init(_ rows: [PlacementComparison.Row]) { self.rows = rows }

  package var text: String {
    var table = TextTable([
      ("PLACEMENT", .leading), ("PIECES", .trailing), ("LOAD", .trailing), ("WORST", .trailing),
      ("TIME", .trailing), ("TO SPRAYING", .trailing), ("UNPACED", .trailing),
    ])
    for row in rows {
      table.add([
        row.placement, "\(row.subflows)", Quantity.decimal(row.congestion, digits: 2),
        Quantity.decimal(row.congestionWorst, digits: 2), Quantity.decimal(row.time, digits: 2),
        Quantity.decimal(row.timeToSpraying, digits: 3) + "×",
        Quantity.decimal(row.timeToSprayingUnpaced, digits: 3) + "×",
      ])
    }
    return table.text
  }
}

/// One line of `ferry plan flows --json`.
package struct FlowsLine: Codable, Equatable, Sendable {
  package let pattern: String
  package let placement: String
  package let subflows: Int
  package let congestion: Double
  package let congestionWorst: Double
  package let time: Double
  package let timeToSpraying: Double
  package let timeToSprayingUnpaced: Double

  package init(pattern: String, _ row: PlacementComparison.Row) {
    self.pattern = pattern
    placement = row.placement
    subflows = row.subflows
    congestion = row.congestion
    congestionWorst = row.congestionWorst
    time = row.time
    timeToSpraying = row.timeToSpraying
    timeToSprayingUnpaced = row.timeToSprayingUnpaced
  }
}
