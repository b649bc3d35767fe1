// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport
import Foundation

/// Populations to be mapped onto others by one network, one for each condition; no point has a partner.
struct MapTask: Sendable {
  /// One condition.
  struct Condition: Sendable {
    /// What the map is told, of each thing that is done at once, by kind.
    let contexts: [[[Float]]]
    /// `[m, d]`.
    let targets: [Float]
  }

  /// Coordinates of a point.
  let dimensions: Int
  /// `[n, d]`.
  let sources: [Float]
  /// At least one.
  let conditions: [Condition]
  /// What moving costs, in the fit and in the gap.
  let cost: PointCost

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

  /// ε of the fit, as published.
  static let epsilon = 1.0

  /// A map trained on one condition a step, all variants from the same parameters on the same batches.
  func trained(
    _ variant: Variant, _ effort: Effort, seed: Seed, run: RecipeRun
  ) throws -> TrainedMap {
    let options = ConditionalMap.Options(
      dimensions: dimensions, contexts: conditions[0].contexts[0].map(\.count))
    var map = try ConditionalMap(options, key: RandomKey(seed.derived("map")))
    var optimizer = AdamW(AdamW.Options(beta2: 0.999, weightDecay: 1e-5))
    var chance = SplitMix64(seed.derived("batches"))
    let fit = TransportLoss(
      .divergence(Sinkhorn(.epsilon(Self.epsilon), tolerance: 1e-4)), cost: cost, sides: .first)
    let gap = MongeGapLoss(MongeGap(cost: cost))
    var fits: [Double] = []
    let (_, seconds) = try run.timed {
      var sum = 0.0
      let tenth = max(1, effort.steps / 10)
      for step in 0..<effort.steps {
        let condition = conditions.randomElement(using: &chance)!
        let x = try randomRows(
          of: sources, dimensions: dimensions, effort.batch, using: &chance)
        let y = try randomRows(
          of: condition.targets, dimensions: dimensions, effort.batch, using: &chance)
        let contexts = TrainedMap.told(condition.contexts, variant)
        let found = try valueAndGradient(at: map) { map in
          let images = try map(x, contexts: contexts)
          let loss = try fit(images, y)
          sum += Double(try loss.scalar())
          return variant == .withoutGap ? loss : try loss + gap(x, images)
        }
        try optimizer.step(
          &map, along: found.gradient,
          rate: effort.rate * cosineDecay(Double(step) / Double(effort.steps)))
        if (step + 1) % tenth == 0 {
          fits.append(sum / Double(tenth))
          sum = 0
        }
      }
    }
    return TrainedMap(map: map, fits: fits, seconds: seconds, variant: variant)
  }
}

/// A trained map, and how training went.
struct TrainedMap: Sendable {
  let map: ConditionalMap
  /// Means of the fit over tenths of the steps.
  let fits: [Double]
  let seconds: Double
  fileprivate let variant: MapTask.Variant

  /// Where points go, `[n, d]`, under what is done at once, by kind.
  func callAsFunction(_ points: [Float], contexts: [[[Float]]]) throws -> [Double] {
    let d = map.options.dimensions
    return try map(
      Tensor(points, shape: [points.count / d, d]), contexts: Self.told(contexts, variant)
    ).floats().map(Double.init)
  }

  /// Zeros for the map that is told nothing.
  fileprivate static func told(
    _ contexts: [[[Float]]], _ variant: MapTask.Variant
  ) -> [[[Float]]] {
    guard variant == .unconditional else { return contexts }
    return contexts.map { $0.map { $0.map { _ in 0 } } }
  }
}

/// Some of `points: [n, d]`, each at most once.
func randomRows(
  of points: [Float], dimensions d: Int, _ count: Int, using chance: inout SplitMix64
) throws -> Tensor {
  var order = Array(0..<points.count / d)
  let count = min(count, order.count)
  for k in 0..<count { order.swapAt(k, Int.random(in: k..<order.count, using: &chance)) }
  return try Tensor(
    order[..<count].flatMap { points[$0 * d..<($0 + 1) * d] }, shape: [count, d])
}

/// Half a cosine from 1 to a hundredth, as published, over the share of steps that are done.
func cosineDecay(_ done: Double) -> Float { Float(0.01 + 0.99 * (1 + cos(.pi * done)) / 2) }

extension AdamW {
  /// One step of a model, computed at once.
  mutating func step<Model: ParameterTree>(
    _ model: inout Model, along gradient: Model, rate: Float
  ) throws {
    var parameters = model.parameters.map(\.tensor)
    try step(
      &parameters, gradients: gradient.parameters.map(\.tensor), learningRate: rate,
      gradientScale: 1)
    try Tensor.evaluate(parameters)
    try model.setParameters(parameters)
  }
}
