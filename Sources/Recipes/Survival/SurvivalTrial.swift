// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport
import Foundation

extension SurvivalPooling {
  /// A pooling trained once for each fold, and the risks that it gave to those held out.
  struct Trial {
    /// The C-index of each fold's patients.
    private(set) var indices: [Double] = []
    /// The loss on patients that said when to stop, mean of the folds.
    private(set) var loss = 0.0
    /// Patients above their fold's median risk, and the others.
    private(set) var above: [Int] = []
    private(set) var below: [Int] = []
    /// Trained without each of the folds.
    private(set) var models: [BagTraining.Fitted] = []
    private let pooling: Pooling
    private let training: BagTraining
    private let key: RandomKey
    let set: BagSet
    let folds: [[Int]]
    /// What the patients are made of, if of digits.
    let bags: DigitBags?

    /// Nothing is trained yet.
    init(
      _ pooling: Pooling, _ set: BagSet, folds: [[Int]], _ training: BagTraining, key: RandomKey,
      bags: DigitBags? = nil
    ) {
      (self.pooling, self.training, self.key) = (pooling, training, key)
      (self.set, self.folds, self.bags) = (set, folds, bags)
    }

    /// Trains without the next fold, and scores its patients.
    mutating func trainForNextFold() throws {
      let (number, fold) = (models.count, folds[models.count])
      let held = Set(fold)
      let rest = (0..<set.bags.count).filter { !held.contains($0) }
      // A fifth of what is left says when to stop.
      let fitted = try training.fitted(
        pooling, to: set, on: rest.enumerated().filter { $0.offset % 5 != 4 }.map(\.element),
        watching: rest.enumerated().filter { $0.offset % 5 == 4 }.map(\.element),
        key: key.derived("fold", UInt64(number)))
      let risks = try fitted.model.risks(of: fold, in: set)
      if let index = set.watched.chosen(fold).concordance(ofRisks: risks) {
        indices.append(index)
      }
      loss += fitted.loss / Double(folds.count)
      let median = risks.sorted()[risks.count / 2]
      for (patient, risk) in zip(fold, risks) {
        if risk >= median { above.append(patient) } else { below.append(patient) }
      }
      models.append(fitted)
    }

    /// What the tiles of a fold's patients give prototypes; nil where none are transported.
    func plans(
      of model: BagModel, for fold: [Int], share: Double
    ) throws -> [(patient: Int, plan: DenseCoupling)]? {
      guard let solver = model.solver(share: share), let costs = try costs(of: model, for: fold)
      else { return nil }
      return try costs.map { patient, costs in (patient, try solver.solve(costs).coupling) }
    }

    /// The costs of a fold's patients' tiles; nil where none are transported.
    private func costs(
      of model: BagModel, for fold: [Int]
    ) throws -> [(patient: Int, costs: DenseCost)]? {
      let (tiles, counts) = try set.batch(fold)
      guard let costs = try model.costs(tiles, counts: counts) else { return nil }
      let (stride, k) = (tiles.shape[1] * BagModel.prototypeCount, BagModel.prototypeCount)
      let numbers = try costs.floats().map(Double.init)
      return try counts.enumerated().map { bag, count in
        let own = Array(numbers[bag * stride..<bag * stride + count * k])
        return (fold[bag], try DenseCost(own, rows: count, columns: k))
      }
    }

    /// The part of a held-out tile's mass that its prototype of the most mass gets, in the mean: 1 of
    /// `prototypeCount` where all are alike to it; nil where none is transported.
    func sharpness() throws -> Double? {
      var parts = MeanWithSpread()
      for (fitted, fold) in zip(models, folds) {
        guard let plans = try plans(of: fitted.model, for: fold, share: 1) else { return nil }
        for (_, plan) in plans {
          for tile in 0..<plan.rowCount {
            let most = (0..<plan.columnCount).reduce(0) { max($0, plan[tile, $1]) }
            parts.add(Double(plan.rowCount) * most)
          }
        }
      }
      return parts.mean
    }

    /// How much of the mass that moves is of spoilt tiles, as a share of what they are among tiles: 1
    /// where all tiles are alike, as where none are transported. Over all patients, each by the model that
    /// was trained without them.
    func spoiltMass(
      of model: (BagTraining.Fitted) -> (model: BagModel, share: Double)
    ) throws -> MeanWithSpread {
      var ratio = MeanWithSpread()
      for (fitted, fold) in zip(models, folds) {
        let (model, share) = model(fitted)
        guard let bags, let plans = try plans(of: model, for: fold, share: share) else {
          ratio.add(1)
          continue
        }
        for (patient, plan) in plans {
          let spoilt = bags.isSpoilt[patient]
          guard spoilt.contains(true) else { continue }
          var mass = 0.0
          for tile in spoilt.indices where spoilt[tile] {
            for k in 0..<plan.columnCount { mass += plan[tile, k] }
          }
          let part = Double(spoilt.count { $0 }) / Double(spoilt.count)
          ratio.add(mass / share / part)
        }
      }
      return ratio
    }

    /// Whether those above and below their fold's median differ.
    var test: LogRank { LogRank(set.watched.chosen(above), set.watched.chosen(below)) }

    /// What the assignments of held-out bags keep to; no errors where none are transported.
    struct Proof {
      /// Of each bag the greatest error of a marginal or relative duality gap, as rows alone are made
      /// exact.
      var solutions: [Double] = []
      /// Of some bags that of the pullback's gradient against finite differences.
      var gradients: [Double] = []

      /// The greatest; NaN of none.
      static func worst(_ errors: [Double]) -> Double {
        errors.isEmpty ? .nan : Measured.worst(errors)
      }
    }

    /// All held-out bags, each by the model that was trained without it; gradients of a few of a fold.
    func check(gradientsOf few: Int = 20) throws -> Proof {
      var chance = SplitMix64(Seed(1))
      var proof = Proof()
      for (fitted, fold) in zip(models, folds) {
        let solvers = [0.3, 1].compactMap { fitted.model.solver(share: $0) }
        guard let costs = try costs(of: fitted.model, for: fold), !solvers.isEmpty else { continue }
        for (bag, (_, costs)) in costs.enumerated() {
          proof.solutions.append(
            Measured.worst(
              try solvers.flatMap { solver in
                let found = try solver.solve(costs).certificate
                return [found.rowError, found.columnError, abs(found.relativeGap)]
              }))
          guard bag < few else { continue }
          proof.gradients.append(
            Measured.worst(
              try solvers.map { try Self.difference($0, costs, using: &chance) }))
        }
      }
      return proof
    }

    /// The greatest difference of the pullback from ten finite differences, as a share of its greatest
    /// entry.
    private static func difference(
      _ solver: ProgressivePartial, _ costs: DenseCost, using chance: inout SplitMix64
    ) throws -> Double {
      var solver = solver
      // Differences want more digits than training does.
      solver.tolerance = 1e-10
      let solution = try solver.solve(costs)
      let weights = costs.costs.map { _ in chance.normal() }
      let slope = try PartialPullback(solution).costGradient(of: weights)
      let greatest = slope.reduce(0) { max($0, abs($1)) }
      func value(_ numbers: [Double]) throws -> Double {
        let moved = try solver.solve(
          DenseCost(numbers, rows: costs.rowCount, columns: costs.columnCount)
        ).coupling
        return zip(moved.masses, weights).reduce(0) { $0 + $1.0 * $1.1 }
      }
      var worst = 0.0
      for _ in 0..<10 {
        let at = Int.random(in: 0..<weights.count, using: &chance)
        var (up, down) = (costs.costs, costs.costs)
        up[at] += 1e-4
        down[at] -= 1e-4
        let difference = try (value(up) - value(down)) / 2e-4
        worst = Measured.worse(worst, abs(difference - slope[at]) / greatest)
      }
      return worst
    }
  }
}
