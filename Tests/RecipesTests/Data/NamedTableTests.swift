// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Testing

@Suite("NamedTable")
struct NamedTableTests {
  @Test("columns are had by name, as texts or as numbers, NaN where a cell is empty")
  func columns() throws {
    let table = try NamedTable(
      csv: Array("time,sex,loss\n3.5,f,\n4,m,15\n".utf8), place: "made.csv")
    #expect(try table.texts("sex") == ["f", "m"])
    #expect(try table.numbers("time") == [3.5, 4])
    let loss = try table.numbers("loss")
    #expect(loss[0].isNaN && loss[1] == 15)
    let unknown = #expect(throws: RecipeError.self) { try table.texts("age") }
    #expect(
      unknown?.description
        == "data-damaged: there is no column \"age\" (a table). There are: time, sex, loss.")
    let text = #expect(throws: RecipeError.self) { try table.numbers("sex") }
    #expect(
      text?.description
        == "data-damaged: \"f\" is no number (column sex, line 2). Read the column as texts.")
  }

  @Test("a line with cells too many or too few is told with its number")
  func uneven() {
    let error = #expect(throws: RecipeError.self) {
      try NamedTable(csv: Array("a,b\n1,2\n3\n".utf8), place: "made.csv")
    }
    #expect(
      error?.description
        == "data-damaged: 1 cells under 2 names (made.csv, line 3). Give each line a cell for each "
        + "column.")
  }
}
