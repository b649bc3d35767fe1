// SPDX-License-Identifier: Apache-2.0

/// Lines of whole numbers with commas between, read without a string for each.
struct TextNumbers {
  /// The numbers, line after line.
  private(set) var values: [Int] = []
  /// How many lines there are.
  private(set) var lineCount = 0

  /// More digits than this are no pixel and no label.
  private static let digitsMax = 9

  /// - Parameters:
  ///   - columns: how many numbers each line has.
  /// - Throws: `.dataDamaged` at the first line that is another.
  init(_ bytes: [UInt8], columns: Int, place: String) throws(RecipeError) {
    values.reserveCapacity(bytes.count / 2)
    var number = 0
    var digits = 0
    var found = 0
    func trouble(_ what: String) -> RecipeError {
      RecipeError(
        .dataDamaged, what, at: "\(place), line \(lineCount + 1)",
        remedy: "Lines have \(columns) whole numbers from 0 on with commas between.")
    }
    func isOver(_ at: Int) -> Bool { at == bytes.count || bytes[at] == UInt8(ascii: "\n") }
    for at in 0...bytes.count {
      if at < bytes.count, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[at] {
        number = number * 10 + Int(bytes[at] - UInt8(ascii: "0"))
        digits += 1
        guard digits <= Self.digitsMax else { throw trouble("a number of more digits than 9") }
        continue
      }
      if at < bytes.count, bytes[at] == UInt8(ascii: "\r") { continue }
      // The end of the last line, or an empty line after it.
      if isOver(at), digits == 0, found == 0 { continue }
      guard digits > 0 else { throw trouble("no whole number in column \(found + 1)") }
      values.append(number)
      found += 1
      (number, digits) = (0, 0)
      if isOver(at) {
        guard found == columns else { throw trouble("\(found) numbers instead of \(columns)") }
        lineCount += 1
        found = 0
      } else if bytes[at] != UInt8(ascii: ",") {
        throw trouble("the byte \(bytes[at]) after column \(found)")
      }
    }
  }
}
