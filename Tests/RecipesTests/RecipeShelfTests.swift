// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing

@Suite("Recipes")
struct RecipeShelfTests {
  static let names = RecipeShelf.all.map(\.paper.name)

  @Test("names are told apart, and lead to their recipes")
  func named() {
    #expect(Set(Self.names).count == Self.names.count)
    for name in Self.names { #expect(RecipeShelf.named(name)?.paper.name == name) }
    #expect(RecipeShelf.named("colour-transfer") == nil)
  }

  @Test("every recipe says what it is after, and claims something that it measures")
  func papers() {
    for recipe in RecipeShelf.all {
      let paper = recipe.paper
      #expect(!paper.idea.isEmpty && !paper.data.isEmpty && !paper.references.isEmpty)
      let ids = recipe.claims.map(\.id)
      #expect(!ids.isEmpty && Set(ids).count == ids.count, "\(paper.name)")
      for claim in recipe.claims {
        #expect(claim.sentence.hasSuffix("."), "\(paper.name): \(claim.id)")
        #expect(!claim.metric.isEmpty && !claim.reported.isEmpty, "\(paper.name): \(claim.id)")
      }
    }
  }

  @Test("Docs/papers.bib is what recipes cite")
  func bibliography() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Docs/papers.bib")
    if ProcessInfo.processInfo.environment["FERRY_WRITE_BIB"] != nil {
      try RecipeShelf.bibliography.write(to: path, atomically: true, encoding: .utf8)
    }
    let text = try String(contentsOf: path, encoding: .utf8)
    #expect(
      text == RecipeShelf.bibliography,
      "write it again: FERRY_WRITE_BIB=1 swift test --filter RecipeShelfTests")
  }

  @Test(
    "every recipe runs at toy size, judges nothing, and gives what its report needs",
    arguments: names)
  func smoke(name: String) throws {
    let recipe = try #require(RecipeShelf.named(name))
    let report = try RecipeReport(
      recipe, in: RecipeRun(budget: .smoke, data: MadeDigits.shelf, now: { .zero }))
    #expect(report.claims.map(\.id) == recipe.claims.map(\.id))
    #expect(report.count(.notEvaluated) == report.claims.count)
    #expect(!report.moved.isEmpty && !report.cost.isEmpty && !report.inSync.isEmpty)
    #expect(!report.simulated.isEmpty && !report.notDone.isEmpty && !report.figures.isEmpty)
    for table in report.tables {
      #expect(table.rows.allSatisfy { $0.count == table.columns.count }, "\(table.title)")
    }
  }

  @Test("equal seeds find equal numbers, others do not", arguments: names)
  func seeds(name: String) throws {
    let recipe = try #require(RecipeShelf.named(name))
    func values(_ seed: UInt64) throws -> [String] {
      // A clock that stands still takes the only measurements out that are of this machine.
      try RecipeReport(
        recipe,
        in: RecipeRun(
          budget: .smoke, seed: Seed(seed), data: MadeDigits.shelf, now: { .zero })
      )
      .tables.flatMap(\.rows).map { $0.joined(separator: " ") }
    }
    let first = try values(3)
    #expect(try first == values(3))
    #expect(try first != values(4))
  }
}
