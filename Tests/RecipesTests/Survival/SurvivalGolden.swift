// SPDX-License-Identifier: Apache-2.0

import FerryRecipes
import Foundation

/// What `Tools/golden/survival.py` wrote with lifelines and statsmodels.
struct SurvivalGolden: Decodable {
  /// What they say of a table.
  struct Answers: Decodable {
    let concordance: Double
    let statistic: Double
    let pValue: Double
    let places: [Double]
    let survival: [Double]
    let cox: [Double]
    let logLikelihood: Double
  }

  /// A table drawn from a seed.
  struct Made: Decodable {
    let time: [Double]
    let event: [Bool]
    let risk: [Double]
    let group: [Bool]
    let features: [Double]
    let answers: Answers

    private enum Keys: String, CodingKey { case time, event, risk, group, features }

    init(from decoder: any Decoder) throws {
      let table = try decoder.container(keyedBy: Keys.self)
      time = try table.decode([Double].self, forKey: .time)
      event = try table.decode([Bool].self, forKey: .event)
      risk = try table.decode([Double].self, forKey: .risk)
      group = try table.decode([Bool].self, forKey: .group)
      features = try table.decode([Double].self, forKey: .features)
      answers = try Answers(from: decoder)
    }
  }

  let made: [Made]
  let real: [String: Answers]

  static func read() throws -> SurvivalGolden {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Golden/Recipes/survival.json")
    return try JSONDecoder().decode(SurvivalGolden.self, from: Data(contentsOf: file))
  }
}
