// SPDX-License-Identifier: Apache-2.0

/// A table for a terminal: columns as wide as their widest cell, two spaces between them.
package struct TextTable: Sendable {
  package enum Alignment: Sendable { case leading, trailing }

  private let head: [String]
  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// - Parameter columns: titles with their alignment; numbers read best `trailing`.
  package init(_ columns: [(String, Alignment)]) {
    head = columns.map(\.0)
    alignments = columns.map(\.1)
  }

  package mutating func add(_ cells: [String]) {
    precondition(cells.count == head.count, "\(cells.count) cells in \(head.count) columns")
    rows.append(cells)
  }

  package var text: String {
    let widths = head.indices.map { column in
      ([head] + rows).map { $0[column].count }.max() ?? 0
    }
    return ([head] + rows).map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let pad = String(repeating: " ", count: widths[column] - cell.count)
        line += alignments[column] == .leading ? cell + pad : pad + cell
        if column + 1 < row.count { line += "  " }
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}
