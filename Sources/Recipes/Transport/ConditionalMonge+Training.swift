// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport
import Foundation

extension ConditionalMonge {
  /// Populations to be mapped onto others, one for each condition; no point has a partner.
  struct MapTask {
    /// One condition.
    struct Condition {
      /// What the map is told, by kind.
      let context: [[Float]]
      /// `[m, d]`.
      let targets: [Float]
    }

    let dimensions: Int
    /// `[n, d]`.
    let sources: [Float]
    let conditions: [Condition]
    /// What moving costs, in the fit and in the gap.
    let cost: PointCost
  }

  /// What is trained.
  enum Variant: String, CaseIterable {
    case conditional = "conditional Monge map"
    case withoutGap = "without the gap"
    case unconditional = "without the condition"
  }

  /// How long and how fast.
  struct Effort {
    let steps: Int
    let batch: Int
    let rate: Float
  }

  /// A trained map, and how training went.
  struct Trained {
    let map: ConditionalMap
    /// Means of the fit over tenths of the steps.
    let fits: [Double]
    let seconds: Double

    /// Where points go, `[n, d]`.
    func callAsFunction(_ points: [Float], context: [[Float]]) throws -> [Double] {
      let context = knowsCondition ? context : context.map { $0.map { _ in 0 } }
      let d = map.options.dimensions
      return try map(Tensor(points, shape: [points.count / d, d]), context: context)
        .floats().map(Double.init)
    }

    fileprivate let knowsCondition: Bool
  }

  /// ε of the fit, as published.
  static let epsilon = 1.0

  /// Trains a map on one condition a step, all variants from the same parameters on the same batches.
  static func train(
    _ task: MapTask, _ variant: Variant, _ effort: Effort, seed: Seed, run: RecipeRun
  ) throws -> Trained {
    let options = ConditionalMap.Options(
      dimensions: task.dimensions, contexts: task.conditions[0].context.map(\.count))
    var map = try ConditionalMap(options, key: RandomKey(seed.derived("map")))
    var optimizer = AdamW(AdamW.Options(beta2: 0.999, weightDecay: 1e-5))
    var chance = SplitMix64(seed.derived("batches"))
    let fit = TransportLoss(
      .divergence(Sinkhorn(.epsilon(epsilon), tolerance: 1e-4)), cost: task.cost, sides: .first)
    let gap = MongeGapLoss(MongeGap(cost: task.cost))
    let blind = options.contexts.map { [Float](repeating: 0, count: $0) }
    var fits: [Double] = []
    let (_, seconds) = try run.timed {
      var sum = 0.0
      let tenth = max(1, effort.steps / 10)
      for step in 0..<effort.steps {
        let condition = task.conditions.randomElement(using: &chance)!
        let x = try batch(task.sources, task.dimensions, effort.batch, using: &chance)
        let y = try batch(condition.targets, task.dimensions, effort.batch, using: &chance)
        let context = variant == .unconditional ? blind : condition.context
        let found = try valueAndGradient(at: map) { map in
          let images = try map(x, context: context)
          let loss = try fit(images, y)
          sum += Double(try loss.scalar())
          return variant == .withoutGap ? loss : try loss + gap(x, images)
        }
        var parameters = map.parameters.map(\.tensor)
        try optimizer.step(
          &parameters, gradients: found.gradient.parameters.map(\.tensor),
          learningRate: effort.rate * decay(Double(step) / Double(effort.steps)),
          gradientScale: 1)
        try Tensor.evaluate(parameters)
        try map.setParameters(parameters)
        if (step + 1) % tenth == 0 {
          fits.append(sum / Double(tenth))
          sum = 0
        }
      }
    }
    return Trained(
      map: map, fits: fits, seconds: seconds, knowsCondition: variant != .unconditional)
  }

  /// Half a cosine from 1 to a hundredth, as published.
  private static func decay(_ done: Double) -> Float {
    Float(0.01 + 0.99 * (1 + cos(.pi * done)) / 2)
  }

  /// Some of the points, each at most once.
  private static func batch(
    _ points: [Float], _ d: Int, _ count: Int, using chance: inout SplitMix64
  ) throws -> Tensor {
    var order = Array(0..<points.count / d)
    let count = min(count, order.count)
    for k in 0..<count { order.swapAt(k, Int.random(in: k..<order.count, using: &chance)) }
    return try Tensor(
      order[..<count].flatMap { points[$0 * d..<($0 + 1) * d] }, shape: [count, d])
  }
}
