// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Testing

@Suite("Claims")
struct ClaimTests {
  struct Case: CustomTestStringConvertible {
    let need: Claim.Need
    let measured: Measured
    let verdict: Verdict
    var testDescription: String { "\(need) \(measured) → \(verdict)" }
  }

  @Test(
    "enough is PASS, better than the baseline WEAK, else FAIL; no number never passes",
    arguments: [
      Case(need: .atMost(0.5), measured: Measured(0.5, baseline: 1), verdict: .pass),
      Case(need: .atMost(0.5), measured: Measured(0.6, baseline: 1), verdict: .weak),
      Case(need: .atMost(0.5), measured: Measured(1, baseline: 1), verdict: .fail),
      Case(need: .atMost(0.5), measured: Measured(0.6), verdict: .fail),
      Case(need: .atLeast(2), measured: Measured(2), verdict: .pass),
      Case(need: .atLeast(2), measured: Measured(1.5, baseline: 1), verdict: .weak),
      Case(need: .atLeast(2), measured: Measured(1, baseline: 1), verdict: .fail),
      Case(need: .atLeast(2), measured: Measured(.nan, baseline: 1), verdict: .fail),
      Case(need: .atMost(2), measured: Measured(-.infinity, baseline: 1), verdict: .fail),
    ])
  func verdicts(one: Case) {
    let claim = Toy.claim(need: one.need)
    #expect(claim.verdict(one.measured, budget: .standard) == one.verdict)
    #expect(claim.verdict(one.measured, budget: .smoke) == .notEvaluated)
  }

  @Test("the worst of errors is the greatest; one that is no number is worse than any")
  func worst() {
    #expect(Measured.worst([1, 3, 2]) == 3 && Measured.worse(2, -1) == 2)
    #expect(Measured.worst([]) == -.infinity)
    for place in 0..<3 {
      var errors = [1.0, 3, 2]
      errors[place] = .nan
      #expect(Measured.worst(errors).isNaN)
    }
  }

  @Test("a recipe that measures nothing for a claim has no report")
  func unmeasured() {
    let error = #expect(throws: RecipeError.self) {
      try RecipeReport(Toy(measured: [:]), in: RecipeRun(now: { .zero }))
    }
    #expect(
      error?.description
        == "claim-without-measurement: nothing was measured for the claim \"half\" (toy). "
        + "Measure it in the recipe's run, or drop the claim.")
  }

  @Test("under the full budget three seeds are run, and claims judged by their means")
  func full() throws {
    func report(_ budget: Budget) throws -> RecipeReport {
      try RecipeReport(
        Toy { Measured(Double($0.seed.value) / 10, baseline: Double($0.seed.value)) },
        in: RecipeRun(budget: budget, seed: Seed(4), now: { .zero }))
    }
    let one = try report(.standard)
    #expect(one.claims[0].value == 0.4 && one.claims[0].verdict == .pass)
    #expect(one.claims[0].spread == nil && one.seeds == 1)
    // 0.4, 0.5 and 0.6: their deviation is 0.1, over √3, times Student's 4.303.
    let three = try report(.full)
    #expect(three.claims[0].value == 0.5 && three.claims[0].baseline == 5)
    #expect(abs(three.claims[0].spread! - 0.248433) < 1e-6)
    #expect(three.claims[0].verdict == .pass && three.seeds == 3 && three.seed == 4)
    // A seed without a number leaves no mean that could pass.
    let broken = try RecipeReport(
      Toy { Measured($0.seed.value == 6 ? .nan : 0.1) },
      in: RecipeRun(budget: .full, seed: Seed(4), now: { .zero }))
    #expect(broken.claims[0].verdict == .fail)
  }

  @Test("the tally counts what there is")
  func tally() throws {
    let report = try RecipeReport(
      Toy(measured: ["half": Measured(0.7, baseline: 1)]), in: RecipeRun(now: { .zero }))
    #expect(report.tally == "1 WEAK")
    #expect(report.claims[0].need == "≤ 0.5")
  }
}

/// A recipe that measures what it is told.
struct Toy: Recipe {
  let measured: @Sendable (RecipeRun) -> [String: Measured]

  init(measured: [String: Measured]) { self.measured = { _ in measured } }

  init(_ half: @escaping @Sendable (RecipeRun) -> Measured) {
    measured = { ["half": half($0)] }
  }

  static func claim(need: Claim.Need) -> Claim {
    Claim("half", "It halves.", "what is left", need, paper: "0.4")
  }

  var paper: Paper {
    Paper(
      name: "toy", title: "A toy", idea: "None.", data: "None.",
      references: [
        Reference(
          key: "toy", authors: "One, Some", title: "Toys", venue: "Box", year: 2000,
          link: "https://example.com")
      ])
  }
  var claims: [Claim] { [Self.claim(need: .atMost(0.5))] }

  func run(in run: RecipeRun) throws -> Findings {
    var findings = Findings()
    findings.measured = measured(run)
    return findings
  }
}
