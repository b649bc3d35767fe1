// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Foundation
import Testing

@Suite("Survival statistics")
struct CensoredTimesTests {
  /// C-index, log-rank test, Kaplan–Meier and Cox model against what other packages say.
  private func check(
    _ answers: SurvivalGolden.Answers, _ watched: CensoredTimes, risk: [Double], group: [Bool],
    features: [Double]
  ) throws {
    let index = try #require(watched.concordance(ofRisks: risk))
    #expect(abs(index - answers.concordance) < 1e-12)
    let test = LogRank(
      watched.chosen(group.indices.filter { group[$0] }),
      watched.chosen(group.indices.filter { !group[$0] }))
    #expect(abs(test.statistic - answers.statistic) < 1e-12 * max(1, answers.statistic))
    #expect(abs(test.pValue - answers.pValue) < 1e-12)
    let curve = SurvivalCurve(watched)
    for (place, share) in zip(answers.places, answers.survival) {
      #expect(abs(curve(place) - share) < 1e-12)
    }
    let d = features.count / watched.count
    let model = try #require(CoxModel(features, dimensions: d, watched))
    for (own, other) in zip(model.coefficients, answers.cox) { #expect(abs(own - other) < 1e-9) }
    #expect(abs(model.logLikelihood - answers.logLikelihood) < 1e-9 * abs(answers.logLikelihood))
  }

  @Test("lifelines and statsmodels say the same of made tables, with ties and without")
  func made() throws {
    let golden = try SurvivalGolden.read()
    try #require(golden.made.count == 3)
    for one in golden.made {
      try check(
        one.answers, CensoredTimes(one.time, events: one.event), risk: one.risk, group: one.group,
        features: one.features)
    }
  }

  @Test("they say the same of gbsg2, rossi and lung", arguments: ["gbsg2", "rossi", "lung"])
  func real(name: String) throws {
    let shelf = DataShelf(
      folder: DataFolder.path(environment: ProcessInfo.processInfo.environment))
    guard shelf.has(.survival) else {
      try Test.cancel("survival is not here: ferry recipe data fetch survival")
    }
    let table = try shelf.table(name)
    let columns: (time: String, event: String, risk: String)
    let group: [Bool]
    var features: [[Double]]
    switch name {
    case "gbsg2":
      columns = ("time", "cens", "pnodes")
      group = try table.texts("horTh").map { $0 == "yes" }
      features = try ["age", "tsize", "pnodes", "progrec", "estrec"].enumerated().map { at, name in
        try table.numbers(name).map { $0 / (at < 3 ? 10 : 100) }
      }
      features.append(group.map { $0 ? 1 : 0 })
    case "rossi":
      columns = ("week", "arrest", "prio")
      group = try table.numbers("fin").map { $0 == 1 }
      features = try [
        table.numbers("fin"), table.numbers("age").map { $0 / 10 }, table.numbers("prio"),
      ]
    default:
      columns = ("time", "status", "age")
      group = try table.numbers("sex").map { $0 == 1 }
      features = try [table.numbers("age").map { $0 / 10 }, table.numbers("sex")]
    }
    let watched = try CensoredTimes(
      table.numbers(columns.time), events: table.numbers(columns.event).map { $0 == 1 })
    try check(
      #require(SurvivalGolden.read().real[name]), watched, risk: table.numbers(columns.risk),
      group: group, features: (0..<watched.count).flatMap { i in features.map { $0[i] } })
  }

  @Test("of two at one time the censored one lives longer; two events are no pair")
  func ties() {
    let watched = CensoredTimes([1, 1, 1], events: [true, true, false])
    #expect(watched.concordance(ofRisks: [2, 1, 1]) == 0.75)
    #expect(CensoredTimes([1, 1], events: [true, true]).concordance(ofRisks: [1, 2]) == nil)
    #expect(CensoredTimes([1, 2], events: [false, true]).concordance(ofRisks: [1, 2]) == nil)
    #expect(CensoredTimes([], events: []).concordance(ofRisks: []) == nil)
  }

  @Test("groups that nothing tells apart: no difference")
  func empty() {
    let some = CensoredTimes([1, 2, 3], events: [true, true, false])
    #expect(LogRank(some, CensoredTimes([], events: [])).pValue == 1)
    #expect(LogRank(some, some).statistic < 1e-25)
    #expect(SurvivalCurve(CensoredTimes([], events: []))(5) == 1)
  }

  @Test("a model without a top is none: a feature that is twice another, one that tells all")
  func degenerate() {
    let watched = CensoredTimes([1, 2, 3, 4], events: [true, true, true, true])
    #expect(CoxModel([1, 2, 0, 0, 3, 6, 1, 2], dimensions: 2, watched) == nil)
    #expect(CoxModel([4, 3, 2, 1], dimensions: 1, watched) == nil)
    #expect(CoxModel([4, 3, 2, 1], dimensions: 1, watched, penalty: 0.1) != nil)
  }
}
