// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing

@Suite("Gene networks")
struct GeneNetworkTests {
  private static func read(
    _ rules: String, parameters: String = "tmax = 80"
  ) throws(RecipeError) -> GeneNetwork {
    try GeneNetwork(rules: Array(rules.utf8), parameters: Array(parameters.utf8), place: "net")
  }

  @Test("rules, couplings in the rules' order, and how fast genes follow")
  func reads() throws {
    let network = try Self.read(MadeNetwork.rules)
    #expect(network.genes.map(\.name) == ["Gata2", "Pu.1", "Cebpa", "early", "late"])
    #expect(network.rate == 0.1 && network.steps == 80)
    let second = network.genes[1]
    #expect(second.parents == [1, 2, 0] && second.couplings == [2, 1.5, -1])
    #expect(
      second.rule
        == .both(.either(.gene("Pu.1"), .gene("Cebpa")), .not(.gene("Gata2"))))
    // Line ends of other systems are no part of a rule.
    let other = MadeNetwork.rules.replacing("\n", with: "\r\n")
    #expect(try Self.read(other) == network)
  }

  @Test("\"not\" binds before \"and\", \"and\" before \"or\"")
  func precedence() throws {
    #expect(
      try BooleanRule("a or not b and c")
        == .either(.gene("a"), .both(.not(.gene("b")), .gene("c"))))
    #expect(
      try BooleanRule("not(a or b)and c")
        == .both(.not(.either(.gene("a"), .gene("b"))), .gene("c")))
    #expect(try BooleanRule("a and b or a").genes == ["a", "b"])
  }

  @Test("what is no rule is said exactly")
  func badRules() {
    let deep = String(repeating: "(", count: 40) + "a" + String(repeating: ")", count: 40)
    for (text, what) in [
      ("", "the rule ends too early"), ("a and", "the rule ends too early"),
      ("a b", "\"b\" where the rule should end"), ("(a", "a \"(\" without its \")\""),
      ("a)", "\")\" where the rule should end"), ("or a", "\"or\" where a gene should be"),
      (deep, "more than 32 parentheses and \"not\" in one another"),
      (
        String(repeating: "not ", count: 40) + "a",
        "more than 32 parentheses and \"not\" in one another"
      ),
      (String(repeating: "a or ", count: 500) + "a", "1001 words, of at most 1000"),
    ] {
      #expect(throws: BooleanRule.Trouble(what: what)) { try BooleanRule(text[...]) }
    }
  }

  @Test("a damaged file is one clear error, with the line")
  func damaged() throws {
    let rules = MadeNetwork.rules
    let form = "Rules are `gene = rule`, couplings after them `gene gene number`."
    let cases: [(String, String)] = [
      ("", "there is no rule in it (net, line 1)"),
      (
        rules.replacing("# invTimeStep = 0.1", with: "#"),
        "no `# invTimeStep = ` above 0 and up to 1 (net, line 1)"
      ),
      (
        rules.replacing("early = Gata2", with: "early = Gata3"),
        "early has no coupling of Gata3 (net, line 6)"
      ),
      (
        rules.replacing("late = early and not Cebpa", with: "late = early"),
        "late has a coupling of Cebpa, not in its rule (net, line 7)"
      ),
      (rules + "\nlate Cebpa 2", "a second coupling of late and Cebpa (net, line 21)"),
      (rules + "\nlate Gata1 2", "a coupling of a gene without a rule (net, line 21)"),
      (rules + "\nlate Gata2 0", "no rule, and no coupling: \"late Gata2 0\" (net, line 21)"),
      (rules + "\nmore = late", "a rule after couplings (net, line 21)"),
      (
        rules.replacing("late = early", with: "early = early"),
        "a second rule of early (net, line 7)"
      ),
      (
        rules.replacing("or (Pu.1", with: "or Pu.1"),
        "early: \")\" where the rule should end (net, line 6)"
      ),
      (rules.replacing("Pu.1 = ", with: " = "), "no gene before \"=\" (net, line 4)"),
    ]
    for (text, message) in cases {
      let error = #expect(throws: RecipeError.self) { try Self.read(text) }
      #expect(error?.description == "data-damaged: \(message). \(form)")
    }
    let parameters = #expect(throws: RecipeError.self) {
      try Self.read(rules, parameters: "tmax = none")
    }
    #expect(
      parameters?.description
        == "data-damaged: no `tmax = ` from 1 to 100000 (net, its parameters). Bring it again: "
        + "ferry recipe data fetch grn.")
  }
}
