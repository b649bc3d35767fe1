// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation
import Testing
import ferry

@Suite("Files of numbers")
struct NumbersFileTests {
  private func text(_ text: String) throws -> NumbersFile {
    try NumbersFile(text: Array(text.utf8), path: "a.csv")
  }

  @Test(
    "commas, semicolons, tabs and spaces part numbers; names and remarks are passed over",
    arguments: [
      "1,2\n3,4\n", "1;2\n3;4", "1\t2\r\n3 4\r\n", "x, y\n1 , 2\n3,4\n",
      "# two points\n\n1 2\n\n# and\n3   4\n\n",
    ])
  func reads(content: String) throws {
    let file = try text(content)
    #expect(file.rows == 2 && file.columns == 2 && file.values == [1, 2, 3, 4])
  }

  struct Broken: CustomTestStringConvertible {
    let text: String
    let message: String
    var testDescription: String { text.replacing("\n", with: "⏎") }
  }

  @Test(
    "what is wrong is named with its file, line and column",
    arguments: [
      Broken(
        text: "1,2\n3,four\n",
        message: "column 2 is \"four\", which is no number (a.csv, line 2). "
          + "Write one row of numbers a line, with commas between them."),
      Broken(
        text: "x,y\n1,2\nnan,4\n",
        message: "column 1 is nan (a.csv, line 3). "
          + "Leave the row out, or give its number: all must be finite."),
      Broken(
        text: "1,2\n\n3\n",
        message: "1 numbers where the rows before have 2 (a.csv, line 3). "
          + "Give every row the same count of numbers."),
      Broken(
        text: "1,,2\n",
        message: "column 2 is \"\", which is no number (a.csv, line 1). "
          + "Write one row of numbers a line, with commas between them."),
      Broken(
        text: "x,y\na,b\n",
        message: "column 1 is \"a\", which is no number (a.csv, line 2). "
          + "Write one row of numbers a line, with commas between them."),
      Broken(
        text: "# nothing\n",
        message: "there is no row of numbers (a.csv). "
          + "Write one row of numbers a line, with commas between them."),
    ])
  func broken(one: Broken) {
    let error = #expect(throws: CLIError.self) { try text(one.text) }
    #expect(error?.description == "numbers-malformed: \(one.message)")
  }

  @Test("arrays of every type of numbers are read as they are")
  func arrays() throws {
    let expected = [1.0, 2, 3, 4]
    for array in [
      HostTensor([1, 2, 3, 4] as [Double], shape: [2, 2]),
      HostTensor([1, 2, 3, 4] as [Float], shape: [2, 2]),
      HostTensor([1, 2, 3, 4] as [Int64], shape: [2, 2]),
      HostTensor([1, 2, 3, 4] as [UInt8], shape: [2, 2]),
    ] {
      let file = try NumbersFile(array: array, path: "a.npy")
      #expect(file.values == expected && file.columns == 2, "\(array.elementType)")
    }
    let line = try NumbersFile(array: HostTensor([1, 2] as [Double]), path: "a.npy")
    #expect(line.rows == 2 && line.columns == 1)
  }

  @Test("a number of an array that is not finite is named with its row; so is a wrong shape")
  func brokenArrays() {
    let nan = #expect(throws: CLIError.self) {
      try NumbersFile(
        array: HostTensor([1, 2, 3, -.infinity] as [Double], shape: [2, 2]), path: "a.npy")
    }
    #expect(
      nan?.description
        == "numbers-malformed: the number is -inf (a.npy, row 1, column 1). "
        + "Leave the row out, or give its number: all must be finite.")
    let cube = #expect(throws: CLIError.self) {
      try NumbersFile(array: HostTensor([1] as [Double], shape: [1, 1, 1]), path: "a.npy")
    }
    #expect(
      cube?.description
        == "numbers-malformed: the array has the shape [1, 1, 1] (a.npy). Save an array of one or "
        + "two dimensions, [rows] or [rows, columns], not empty.")
  }

  @Test("masses are one number a point, none below 0")
  func masses() throws {
    #expect(try text("1\n2\n").masses(for: 2, of: "p.csv") == [1, 2])
    #expect(try text("1 2 3\n").masses(for: 3, of: "p.csv") == [1, 2, 3])
    let count = #expect(throws: CLIError.self) { try text("1\n2\n").masses(for: 3, of: "p.csv") }
    #expect(
      count?.description
        == "numbers-malformed: 2 rows of 1 numbers for the 3 points of p.csv (a.csv). "
        + "Give one mass for each point: one column, or one row.")
    let sign = #expect(throws: CLIError.self) { try text("1\n-2\n").masses(for: 2, of: "p.csv") }
    #expect(
      sign?.description
        == "numbers-malformed: the mass is -2.0 (a.csv, mass 1). Masses must be at least 0.")
  }

  @Test("what is written is read again, to the last bit", arguments: ["npy", "csv"])
  func roundTrip(form: String) throws {
    let path = FileManager.default.temporaryDirectory.appending(
      path: "ferry-numbers-\(UUID().uuidString).\(form)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let values = [1.0 / 3, -2e-300, 5, 1e300, 0.1, -0.2]
    try NumbersFile.write(values, columns: 3, to: path)
    let file = try NumbersFile.read(path)
    #expect(file.values == values && file.rows == 2 && file.columns == 3)
  }
}
