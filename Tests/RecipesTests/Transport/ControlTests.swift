// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing

/// Claims hold for the method and fail for its baseline: minutes, so only when asked for.
@Suite("Recipes at standard size")
struct ControlTests {
  static let isAsked = ProcessInfo.processInfo.environment["FERRY_BENCH"] != nil

  /// Claims of papers that do not hold here; the recipe's report says why.
  static let failing = [
    "mixture-scaling": ["mixtures", "sizes", "sizes-smooth"], "expert-routing": ["purity-uneven"],
    "product-quantization": ["recall-seconds"],
    "otsurv": [
      "c-index", "c-index-seconds", "over-mean-seconds", "others", "others-seconds", "noise",
      "gamma", "stratify",
    ],
    "perturbation": ["gap"],
  ]

  @Test(
    "no other claim of the method fails, and some of them does of its baseline",
    .enabled(if: isAsked, "minutes: FERRY_BENCH=1"), arguments: RecipeShelf.all.map(\.paper.name))
  func control(name: String) throws {
    let recipe = try #require(RecipeShelf.named(name))
    let data = DataShelf(
      folder: DataFolder.path(environment: ProcessInfo.processInfo.environment))
    if let missing = recipe.needs.first(where: { !data.has($0) }) {
      try Test.cancel("\(missing.key) is not here: ferry recipe data fetch \(missing.key)")
    }
    let start = ContinuousClock.now
    func report(_ subject: Subject) throws -> RecipeReport {
      try RecipeReport(
        recipe, in: RecipeRun(subject: subject, data: data, now: { ContinuousClock.now - start }))
    }
    let method = try report(.method)
    let known = Self.failing[name] ?? []
    func failed(_ report: RecipeReport) -> [String] {
      report.claims.filter { $0.verdict == .fail && !known.contains($0.id) }.map(\.id)
    }
    #expect(failed(method).isEmpty, "\(method.claims)")
    let baseline = try report(.baseline)
    #expect(!failed(baseline).isEmpty, "\(baseline.claims)")
  }
}
