// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Foundation

/// How a model of bags is trained: the same for every pooling.
struct BagTraining: Sendable {
  /// Passes over the bags.
  var epochs: Int
  /// Bags a step; the paper's.
  var batch = 16
  /// The greatest rate of learning; it rises for one epoch and falls by a cosine.
  var rate = 2e-3

  /// The epochs in which the share grows, as a part of all: the paper's 10 of 50 and then some, for
  /// training is shorter here.
  private var rampEpochs: Int { max(1, epochs / 3) }

  /// ρ at a step of the ramp.
  static func share(step: Int, ramp: Int) -> Double {
    let left = max(0, 1 - Double(step) / Double(ramp))
    return min(1, 0.1 + exp(-5 * left * left))
  }

  /// What training came to.
  struct Fitted {
    /// As it was when it had the least loss on others, once the whole mass moves.
    let model: BagModel
    /// That loss.
    let loss: Double
    /// As it was after the first epoch, and the share that moved then.
    let early: (model: BagModel, share: Double)
  }

  /// A model trained on some bags, and watched on others.
  func fitted(
    _ pooling: Pooling, to set: BagSet, on bags: [Int], watching others: [Int], key: RandomKey
  ) throws -> Fitted {
    var model = try BagModel(pooling, width: set.width, key: key)
    try model.begin(at: set, bags)
    var optimizer = AdamW(.init(beta2: 0.999, weightDecay: 0.01))
    var chance = SplitMix64(key.seed.derived("order"))
    let perEpoch = max(1, bags.count / batch)
    let check = try set.batch(others)
    let checked = set.watched.chosen(others)
    var best: (loss: Float, model: BagModel)?
    var early: (model: BagModel, share: Double)?
    var step = 0
    for epoch in 0..<epochs {
      let order = bags.shuffled(using: &chance)
      for part in 0..<perEpoch {
        // All bags in parts of about equal size.
        let chosen = Array(
          order[part * bags.count / perEpoch..<(part + 1) * bags.count / perEpoch])
        let (tiles, counts) = try set.batch(chosen)
        let watched = set.watched.chosen(chosen)
        let share = Self.share(step: step, ramp: rampEpochs * perEpoch)
        let found = try valueAndGradient(at: model) { model in
          try model(
            tiles, counts: counts, share: share, key: key.derived("dropout", UInt64(step))
          ).coxLoss(watched)
        }
        var parameters = model.parameters.map(\.tensor)
        try optimizer.step(
          &parameters, gradients: found.gradient.parameters.map(\.tensor),
          learningRate: rate(step: step, of: epochs * perEpoch, rising: perEpoch),
          gradientScale: 1)
        try Tensor.evaluate(parameters)
        try model.setParameters(parameters)
        step += 1
      }
      if early == nil {
        early = (model, Self.share(step: step - 1, ramp: rampEpochs * perEpoch))
      }
      guard epoch + 1 >= rampEpochs else { continue }
      let loss = try model(check.tiles, counts: check.counts).coxLoss(checked).scalar()
      if best == nil || loss < best!.loss { best = (loss, model) }
    }
    return Fitted(model: best!.model, loss: Double(best!.loss), early: early!)
  }

  private func rate(step: Int, of all: Int, rising: Int) -> Float {
    if step < rising { return Float(rate * Double(step + 1) / Double(rising)) }
    let way = Double(step - rising) / Double(max(1, all - rising))
    return Float(rate * 0.5 * (1 + cos(.pi * way)))
  }
}

extension BagModel {
  /// The risks of some bags.
  func risks(of bags: [Int], in set: BagSet) throws -> [Double] {
    let (tiles, counts) = try set.batch(bags)
    return try self(tiles, counts: counts).floats().map(Double.init)
  }
}
