// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning

extension SurvivalPooling {
  /// Real times: a Cox model and the method on the same folds.
  struct RealTimes {
    var cox = MeanWithSpread()
    var own = MeanWithSpread()

    init(_ run: RecipeRun, _ training: BagTraining) throws {
      run.note("gbsg2: bags of one row and its copies")
      var chance = run.generator("gbsg2")
      let table = try run.data.table("gbsg2")
      let times = try CensoredTimes(
        table.numbers("time"), events: table.numbers("cens").map { $0 == 1 })
      let grades = ["I": 1.0, "II": 2, "III": 3]
      let columns = try [
        table.texts("horTh").map { $0 == "yes" ? 1 : 0 },
        table.numbers("age"), table.texts("menostat").map { $0 == "Post" ? 1 : 0 },
        table.numbers("tsize"), table.texts("tgrade").map { grades[$0] ?? 2 },
        table.numbers("pnodes"), table.numbers("progrec"), table.numbers("estrec"),
      ].map(Self.standardized)
      let rows = (0..<times.count).flatMap { i in columns.map { $0[i] } }
      var set = BagSet(width: columns.count, watched: times)
      set.bags = (0..<times.count).map { i in
        (0...20).flatMap { copy in
          columns.map { Float($0[i] + (copy == 0 ? 0 : 0.1 * chance.normal())) }
        }
      }
      let count = run.size(smoke: 2, standard: 5)
      let order = splitOrder(of: DataItem.survival.key, 0..<times.count)
      let folds = (0..<count).map { fold in
        order.indices.filter { $0 % count == fold }.map { order[$0] }
      }
      var trial = Trial(
        run.subject == .baseline ? .mean : Way.published.pooling, set, folds: folds, training,
        key: RandomKey(run.seed.derived("gbsg2")))
      for _ in folds { try trial.trainForNextFold() }
      for index in trial.indices { own.add(index) }
      let d = columns.count
      for fold in folds {
        let held = Set(fold)
        let rest = (0..<times.count).filter { !held.contains($0) }
        func part(_ indices: [Int]) -> [Double] {
          indices.flatMap { rows[$0 * d..<($0 + 1) * d] }
        }
        guard
          let model = CoxModel(
            part(rest), dimensions: d, times.chosen(rest), penalty: 1e-6),
          let index = times.chosen(fold).concordance(ofRisks: model.risks(part(fold)))
        else {
          // Compared on fewer folds the claim would be another one.
          cox.add(.nan)
          continue
        }
        cox.add(index)
      }
    }

    /// Of mean 0 and deviation 1.
    private static func standardized(_ values: [Double]) -> [Double] {
      let mean = values.reduce(0, +) / Double(values.count)
      let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      return values.map { square > 0 ? ($0 - mean) / square.squareRoot() : 0 }
    }
  }
}
