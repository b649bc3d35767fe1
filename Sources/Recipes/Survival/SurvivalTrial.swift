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
    let watched: CensoredTimes
    /// Trained without the first fold.
    let model: BagModel
    /// The same after one epoch, and the share that moved then.
    let early: (model: BagModel, share: Double)
    let set: BagSet
    let fold: [Int]
    /// What the patients are made of, if of digits.
    let bags: DigitBags?

    init(
      _ pooling: Pooling, _ set: BagSet, folds: [[Int]], _ training: BagTraining, key: RandomKey,
      bags: DigitBags? = nil
    ) throws {
      var models: [BagTraining.Fitted] = []
      for (number, fold) in folds.enumerated() {
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
      watched = set.watched
      (model, early) = (models[0].model, models[0].early)
      (self.set, self.bags) = (set, bags)
      fold = folds[0]
    }

    /// What tiles of some held-out patients give prototypes; nil where none are transported.
    func plans(
      of model: BagModel, share: Double, bags most: Int = 12
    ) throws -> [(patient: Int, plan: DenseCoupling)]? {
      guard let solver = model.solver(share: share), let costs = try costs(of: model, bags: most)
      else { return nil }
      return try costs.map { patient, costs in (patient, try solver.solve(costs).coupling) }
    }

    /// The costs of some held-out patients' tiles; nil where none are transported.
    private func costs(
      of model: BagModel, bags most: Int
    ) throws -> [(patient: Int, costs: DenseCost)]? {
      let some = Array(fold.prefix(most))
      let (tiles, counts) = try set.batch(some)
      guard let costs = try model.costs(tiles, counts: counts) else { return nil }
      let (stride, k) = (tiles.shape[1] * BagModel.prototypeCount, BagModel.prototypeCount)
      let numbers = try costs.floats().map(Double.init)
      return try counts.enumerated().map { bag, count in
        let own = Array(numbers[bag * stride..<bag * stride + count * k])
        return (some[bag], try DenseCost(own, rows: count, columns: k))
      }
    }

    /// The part of a held-out tile's mass that its prototype of the most mass gets, in the mean: 1 of
    /// `prototypeCount` where all are alike to it; nil where none is transported.
    func sharpness() throws -> Double? {
      guard let plans = try plans(of: model, share: 1) else { return nil }
      var parts = MeanWithSpread()
      for (_, plan) in plans {
        for tile in 0..<plan.rowCount {
          let most = (0..<plan.columnCount).reduce(0) { max($0, plan[tile, $1]) }
          parts.add(Double(plan.rowCount) * most)
        }
      }
      return parts.mean
    }

    /// How much of the mass that moves is of spoilt tiles, as a share of what they are among tiles: 1
    /// where all tiles are alike, as where none are transported.
    func spoiltMass(of model: BagModel, share: Double) throws -> Double {
      guard let bags, let plans = try plans(of: model, share: share) else { return 1 }
      var ratio = MeanWithSpread()
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
      return ratio.mean
    }

    /// Whether those above and below their fold's median differ.
    var test: LogRank { LogRank(watched.chosen(above), watched.chosen(below)) }

    /// Over the first held-out bags: the greatest error of a marginal or relative duality gap, as rows
    /// alone are made exact; and of the pullback's gradient against finite differences. NaN where the
    /// model transports none.
    func check() throws -> (solution: Double, gradient: Double) {
      guard let probe = try costs(of: model, bags: 12) else { return (.nan, .nan) }
      var chance = SplitMix64(Seed(1))
      var (error, gradient) = (0.0, 0.0)
      for (bag, (_, costs)) in probe.enumerated() {
        for share in [0.3, 1] {
          guard var solver = model.solver(share: share) else { continue }
          let proof = try solver.solve(costs).certificate
          error = Measured.worst([
            error, proof.rowError, proof.columnError, abs(proof.relativeGap),
          ])
          guard bag < 3 else { continue }
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
          for _ in 0..<10 {
            let at = Int.random(in: 0..<weights.count, using: &chance)
            var (up, down) = (costs.costs, costs.costs)
            up[at] += 1e-4
            down[at] -= 1e-4
            let difference = try (value(up) - value(down)) / 2e-4
            gradient = Measured.worse(gradient, abs(difference - slope[at]) / greatest)
          }
        }
      }
      return (error, gradient)
    }
  }
}
