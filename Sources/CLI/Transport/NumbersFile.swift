// SPDX-License-Identifier: Apache-2.0

package import FerryOptimalTransport
package import FerryTensors
import Foundation

/// A table of finite numbers from a file: `.npy` as NumPy writes it, anything else as text.
///
/// Text has one row a line, its numbers apart by commas, semicolons, tabs or spaces; lines that begin
/// with `#` and a first line of names are passed over.
package struct NumbersFile: Sendable {
  /// Where it was read from.
  package let path: String
  package let rows: Int
  package let columns: Int
  /// `[rows, columns]`, row after row.
  package let values: [Double]

  /// The largest text that is read.
  package static let textBytesMax = 1 << 30

  /// - Throws: `.fileUnreadable`; `.numbersMalformed`, with the row, for what is no table of finite
  ///   numbers; `TensorError` for a broken npy file.
  package static func read(_ path: String) throws -> NumbersFile {
    if path.lowercased().hasSuffix(".npy") {
      guard FileManager.default.fileExists(atPath: path) else {
        throw CLIError(
          .fileUnreadable, what: "there is no such file", place: path, remedy: remedy)
      }
      return try NumbersFile(array: try Npy.read(path), path: path)
    }
    let bytes = try BoundedFile.read(path, bytesMax: textBytesMax, remedy: remedy)
    return try NumbersFile(text: bytes, path: path)
  }

  private static let remedy = "Name a file of numbers: .npy, or .csv with one row a line."

  /// - Parameter path: what messages call it.
  package init(array: HostTensor, path: String) throws {
    let shape = array.shape.dimensions
    guard (1...2).contains(shape.count), array.shape.elementCount > 0 else {
      throw CLIError(
        .numbersMalformed, what: "the array has the shape \(array.shape)", place: path,
        remedy: "Save an array of one or two dimensions, [rows] or [rows, columns], not empty.")
    }
    let values = try Self.doubles(array, path: path)
    let columns = shape.count == 2 ? shape[1] : 1
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw CLIError(
        .numbersMalformed, what: "the number is \(values[bad])",
        place: "\(path), row \(bad / columns), column \(bad % columns)", remedy: Self.finite)
    }
    self.path = path
    rows = shape[0]
    self.columns = columns
    self.values = values
  }

  private static let finite = "Leave the row out, or give its number: all must be finite."

  private static func doubles(_ array: HostTensor, path: String) throws -> [Double] {
    func widened<Element: TensorElement & BinaryInteger>(_: Element.Type) throws -> [Double] {
      try array.values(of: Element.self).map { Double($0) }
    }
    return switch array.elementType {
    case .f64: try array.values(of: Double.self)
    case .f32, .f16, .bf16: try array.floats().map { Double($0) }
    case .i8: try widened(Int8.self)
    case .i16: try widened(Int16.self)
    case .i32: try widened(Int32.self)
    case .i64: try widened(Int64.self)
    case .u8: try widened(UInt8.self)
    case .u16: try widened(UInt16.self)
    case .u32: try widened(UInt32.self)
    case .u64: try widened(UInt64.self)
    case .bool: try array.flags().map { $0 ? 1 : 0 }
    }
  }

  /// - Parameter path: what messages call it.
  package init(text: [UInt8], path: String) throws {
    var values: [Double] = []
    var columns: Int?
    var rows = 0
    var sawLine = false
    for (number, line) in text.split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    ).enumerated() {
      let fields = Self.fields(line)
      guard let first = fields.first, first.first != UInt8(ascii: "#") else { continue }
      let place = "\(path), line \(number + 1)"
      let numbers = fields.map { Double(String(decoding: $0, as: UTF8.self)) }
      // A first line in which nothing is a number names the columns.
      if !sawLine, numbers.allSatisfy({ $0 == nil }) {
        sawLine = true
        continue
      }
      sawLine = true
      if let bad = numbers.firstIndex(where: { $0 == nil }) {
        let word = String(decoding: fields[bad].prefix(Self.quotedBytesMax), as: UTF8.self)
        throw CLIError(
          .numbersMalformed, what: "column \(bad + 1) is \"\(word)\", which is no number",
          place: place, remedy: "Write one row of numbers a line, with commas between them.")
      }
      if let bad = numbers.firstIndex(where: { !$0!.isFinite }) {
        throw CLIError(
          .numbersMalformed, what: "column \(bad + 1) is \(numbers[bad]!)", place: place,
          remedy: Self.finite)
      }
      guard columns == nil || columns == numbers.count else {
        throw CLIError(
          .numbersMalformed,
          what: "\(numbers.count) numbers where the rows before have \(columns!)", place: place,
          remedy: "Give every row the same count of numbers.")
      }
      columns = numbers.count
      rows += 1
      for value in numbers { values.append(value!) }
    }
    guard let columns else {
      throw CLIError(
        .numbersMalformed, what: "there is no row of numbers", place: path,
        remedy: "Write one row of numbers a line, with commas between them.")
    }
    self.path = path
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  /// How much of a word that is no number a message repeats.
  private static let quotedBytesMax = 40

  private static func fields(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    let blanks: [UInt8] = [0x20, 0x09, 0x0d]
    let marks: [UInt8] = [UInt8(ascii: ","), UInt8(ascii: ";")]
    // Where there are commas, two in a row have an empty field between them.
    if line.contains(where: marks.contains) {
      return line.split(omittingEmptySubsequences: false, whereSeparator: marks.contains).map {
        var field = $0
        while let last = field.last, blanks.contains(last) { field.removeLast() }
        return field.drop(while: blanks.contains)
      }
    }
    return line.split(whereSeparator: blanks.contains)
  }

  /// One point a row.
  package func points() throws(TransportError) -> Points {
    try Points(values, dimensions: columns)
  }

  /// One mass a row or, of a single row, a column.
  ///
  /// - Throws: `.numbersMalformed` for another shape or count, or for a negative mass, with its row.
  package func masses(for count: Int, of points: String) throws(CLIError) -> [Double] {
    guard rows == 1 || columns == 1, values.count == count else {
      throw CLIError(
        .numbersMalformed,
        what: "\(rows) rows of \(columns) numbers for the \(count) points of \(points)",
        place: path, remedy: "Give one mass for each point: one column, or one row.")
    }
    if let bad = values.firstIndex(where: { $0 < 0 }) {
      throw CLIError(
        .numbersMalformed, what: "the mass is \(values[bad])", place: "\(path), mass \(bad)",
        remedy: "Masses must be at least 0.")
    }
    return values
  }

  /// Writes rows of numbers: `.npy` as f64, `.csv` with all digits.
  ///
  /// - Throws: `.fileUnwritable`, `TensorError`.
  package static func write(_ values: [Double], columns: Int, to path: String) throws {
    if path.lowercased().hasSuffix(".npy") {
      let shape = try Shape([values.count / columns, columns])
      try Npy.write(HostTensor(values, shape: shape), to: path)
    } else {
      var text = ""
      for start in stride(from: 0, to: values.count, by: columns) {
        text += values[start..<start + columns].map { "\($0)" }.joined(separator: ",") + "\n"
      }
      try BoundedFile.write(text, to: path)
    }
  }
}
