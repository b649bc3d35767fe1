// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing

/// Claims hold for the method and fail for its baseline: minutes, so only when asked for.
@Suite("Recipes at standard size")
struct ControlTests {
  static let isAsked = ProcessInfo.processInfo.environment["FERRY_BENCH"] != nil

  @Test(
    "no claim of the method fails, and some claim of its baseline does",
    .enabled(if: isAsked, "minutes: FERRY_BENCH=1"), arguments: RecipeShelf.all.map(\.paper.name))
  func control(name: String) throws {
    let recipe = try #require(RecipeShelf.named(name))
    let start = ContinuousClock.now
    let data = DataShelf(
      folder: DataFolder.path(environment: ProcessInfo.processInfo.environment))
    func report(_ subject: Subject) throws -> RecipeReport {
      try RecipeReport(
        recipe, in: RecipeRun(subject: subject, data: data, now: { ContinuousClock.now - start }))
    }
    let method = try report(.method)
    print(method.seconds, method.moved, method.cost, method.inSync, separator: "\n")
    for table in method.tables { print(table.title, table.columns, table.rows, separator: "\n") }
    for claim in method.claims { print(claim) }
    #expect(method.count(.fail) == 0, "\(method.claims)")
    let baseline = try report(.baseline)
    #expect(baseline.count(.fail) > 0, "\(baseline.claims)")
  }
}
