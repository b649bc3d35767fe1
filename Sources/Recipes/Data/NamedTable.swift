// SPDX-License-Identifier: Apache-2.0

/// A table of texts whose first line names its columns; commas between, no quotes.
public struct NamedTable: Sendable, Equatable {
  /// The columns' names.
  public let columns: [String]
  /// Cells, line after line; empty where nothing is known.
  public let rows: [[String]]

  /// - Parameter place: the file, for errors.
  /// - Throws: `.dataDamaged` for a line with more or fewer cells than there are names.
  public init(csv bytes: [UInt8], place: String) throws(RecipeError) {
    let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
    columns = lines.first.map(Self.cells) ?? []
    var rows: [[String]] = []
    for (number, line) in lines.enumerated().dropFirst() {
      let row = Self.cells(line)
      guard row.count == columns.count else {
        throw RecipeError(
          .dataDamaged, "\(row.count) cells under \(columns.count) names",
          at: "\(place), line \(number + 1)", remedy: "Give each line a cell for each column.")
      }
      rows.append(row)
    }
    self.rows = rows
  }

  private static func cells(_ line: Substring) -> [String] {
    line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  /// A column's cells.
  ///
  /// - Throws: `.dataDamaged` where there is no such column.
  public func texts(_ name: String) throws(RecipeError) -> [String] {
    guard let at = columns.firstIndex(of: name) else {
      throw RecipeError(
        .dataDamaged, "there is no column \"\(name)\"", at: "a table",
        remedy: "There are: \(columns.joined(separator: ", ")).")
    }
    return rows.map { $0[at] }
  }

  /// A column's numbers; NaN where a cell is empty.
  ///
  /// - Throws: `.dataDamaged` where there is no such column, or a cell is no number.
  public func numbers(_ name: String) throws(RecipeError) -> [Double] {
    var numbers: [Double] = []
    for (line, text) in try texts(name).enumerated() {
      guard let number = text.isEmpty ? .nan : Double(text) else {
        throw RecipeError(
          .dataDamaged, "\"\(text)\" is no number", at: "column \(name), line \(line + 2)",
          remedy: "Read the column as texts.")
      }
      numbers.append(number)
    }
    return numbers
  }
}

extension DataShelf {
  /// A table of `survival`: `gbsg2`, `rossi` or `lung`.
  ///
  /// - Throws: `.dataMissing` also for another name, `.dataDamaged`.
  public func table(_ name: String, of item: DataItem = .survival) throws(RecipeError) -> NamedTable
  {
    guard let file = item.files.first(where: { $0.name == "\(name).csv" }) else {
      throw RecipeError(
        .dataMissing, "\(item.key) has no table \"\(name)\"", at: folder,
        remedy: "There are: \(item.files.map { $0.name }.joined(separator: ", ")).")
    }
    return try NamedTable(csv: bytes(of: file, in: item), place: path(of: file, in: item))
  }
}
