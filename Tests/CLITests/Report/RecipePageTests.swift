// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing
import ferry

@Suite("Recipes, as people see them")
struct RecipePageTests {
  private static func report(
    _ name: String, subject: Subject = .method
  ) throws -> RecipeReport {
    let recipe = try #require(RecipeShelf.named(name))
    return try RecipeReport(
      recipe,
      in: RecipeRun(budget: .smoke, subject: subject, now: { .zero }))
  }

  @Test(
    "a page opens with the ledger and the claims, and ends with what is simulated and not done",
    arguments: RecipeShelf.all.filter { $0.needs.isEmpty }.map(\.paper.name))
  func order(name: String) throws {
    let report = try Self.report(name)
    let page = RecipePage(report).html
    if let folder = ProcessInfo.processInfo.environment["FERRY_REPORT_SAMPLE"] {
      try page.write(toFile: "\(folder)/\(name).html", atomically: true, encoding: .utf8)
    }
    var rest = page[...]
    for mark in [
      "<dt>MOVED</dt>", "<dt>COST</dt>", "<dt>IN SYNC</dt>", "<dt>CLAIMS</dt>", "<h2>Claims</h2>",
      "NOT EVALUATED", "<h2>What is simulated here</h2>",
      "<h2>What the paper did that this does not</h2>",
    ] {
      let found = try #require(rest.range(of: mark), "\(mark) is missing, or out of order")
      rest = rest[found.upperBound...]
    }
    for figure in report.figures {
      switch figure {
      case .pictures(_, _, let pictures):
        #expect(page.split(separator: "data:image/png;base64,").count - 1 == pictures.count)
      case .decay, .shares: #expect(page.contains("<svg viewBox"))
      }
    }
    #expect(!page.contains("<script") && !page.contains("src=\"http"))
    #expect(page.contains("Toy sizes") && !page.contains("A control:"))
  }

  @Test("a control says that it is one")
  func control() throws {
    let report = try Self.report("color-transfer", subject: .baseline)
    #expect(RecipePage(report).html.contains("A control: the baseline ran"))
    #expect(RecipeText(report).text(width: 80).split(separator: "\n")[0].hasSuffix("· control"))
  }

  @Test("the terminal has the same in the same order, and no sentence wider than it")
  func terminal() throws {
    let text = RecipeText(try Self.report("color-transfer"), page: "x.html").text(width: 72)
    var rest = text[...]
    for mark in [
      "MOVED    ", "COST     ", "IN SYNC  ", "CLAIMS   4 NOT EVALUATED", "CLAIM ", "VERDICT",
      "\nWhat is simulated here\n", "\nWhat the paper did that this does not\n", "\nWrote x.html\n",
    ] {
      let found = try #require(rest.range(of: mark), "\(mark) is missing, or out of order")
      rest = rest[found.upperBound...]
    }
    for line in text.split(separator: "\n") { #expect(line.count <= 72, "\(line)") }
  }

  @Test("a picture's file is a PNG whose sums are right")
  func png() throws {
    let picture = try Picture(width: 2, height: 1, bytes: [255, 0, 0, 0, 0, 255])
    let bytes = PNGFile.encode(picture)
    // Its sums are those of Python's zlib: 2 × 1 pixels, red and blue.
    #expect(
      Data(bytes).base64EncodedString()
        == "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAEklEQVR4AQEHAPj/AP8AAAAA/wcAAf9V"
        + "NrrHAAAAAElFTkSuQmCC")
    // Of 200 × 150: more than one stored block, and sums that wrap.
    let large = try PNGFile.encode(
      Picture(
        width: 200, height: 150,
        bytes: (0..<90_000).map { UInt8(truncatingIfNeeded: 7 * $0 + $0 / 251) }))
    #expect(large.count == 90_223)
    let sums = large.dropLast(12).suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    #expect(sums == 0x0ab51dc3_08e69e45)
  }
}
