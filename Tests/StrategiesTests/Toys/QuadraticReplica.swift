// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryStrategies

/// A model whose loss is known in closed form: `½ Σ cᵢ (θᵢ − tᵢ − noise)²`, with noise that depends
/// on the samples alone.
///
/// The optimum over all samples is `target`; curvatures differ, so that a wrong step size shows.
struct QuadraticReplica: Replica, Sendable {
  enum Optimizer: Sendable, Equatable {
    case sgd
    /// Its memory makes the difference between kept, averaged and lost optimizer state visible.
    case momentum(Float)
  }

  let layout: ParameterLayout
  let target: [Float]
  let curvature: [Float]
  let noise: Float
  let optimizer: Optimizer
  private(set) var theta: [Float]
  private var velocity: [Float]
  private var steps: UInt64 = 0
  /// Every position a step or gradient was computed on.
  private(set) var seen: [UInt64] = []
  /// The step number, counted from 0, whose loss is reported as not a number.
  var failsAt: Int?

  init(noise: Float = 0, optimizer: Optimizer = .sgd, width: Int = 6) {
    layout = ParameterLayout([("a", [2, width / 2 - 1]), ("b", [2])])
    target = (0..<width).map { Float($0) - 2 }
    curvature = (0..<width).map { 0.5 + Float($0) / Float(width) }
    theta = Array(repeating: 1, count: width)
    velocity = Array(repeating: 0, count: optimizer == .sgd ? 0 : width)
    self.noise = noise
    self.optimizer = optimizer
  }

  func parameters(in range: Range<Int>) -> [Float] { Array(theta[range]) }

  mutating func setParameters(_ values: [Float], at offset: Int) {
    theta.replaceSubrange(offset..<offset + values.count, with: values)
  }

  mutating func step(_ batch: Batch, learningRate: Float) throws -> StepResult {
    let gradient = try gradient(batch)
    try apply(gradient: gradient.gradient, learningRate: learningRate)
    return gradient.result
  }

  mutating func gradient(_ batch: Batch) throws -> GradientResult {
    var sum = [Double](repeating: 0, count: theta.count)
    for position in batch.positions.joined() {
      seen.append(position)
      for i in theta.indices {
        sum[i] += Double(curvature[i] * (theta[i] - target[i] - shift(position, i)))
      }
    }
    let loss = failsAt == seen.count / batch.count - 1 ? Double.nan : mean(batch)
    return GradientResult(
      gradient: sum.map { Float($0 / Double(batch.count)) },
      result: StepResult(loss: loss, tokens: 10 * batch.count))
  }

  mutating func apply(gradient: [Float], learningRate: Float) throws {
    steps += 1
    for i in theta.indices {
      var g = gradient[i]
      if case .momentum(let beta) = optimizer {
        velocity[i] = beta * velocity[i] + g
        g = velocity[i]
      }
      theta[i] -= learningRate * g
    }
  }

  mutating func loss(_ batch: Batch) throws -> Double { mean(batch) }

  private func mean(_ batch: Batch) -> Double {
    var sum = 0.0
    for position in batch.positions.joined() {
      for i in theta.indices {
        let d = Double(theta[i] - target[i] - shift(position, i))
        sum += 0.5 * Double(curvature[i]) * d * d
      }
    }
    return sum / Double(batch.count)
  }

  private func shift(_ position: UInt64, _ index: Int) -> Float {
    guard noise > 0 else { return 0 }
    var chance = SplitMix64(Seed(7).derived("noise", position, UInt64(index)))
    return Float.random(in: -noise...noise, using: &chance)
  }

  func optimizerState() -> OptimizerState {
    OptimizerState(
      tensors: optimizer == .sgd ? [] : [NamedTensor(name: "velocity", values: velocity)],
      steps: steps)
  }

  mutating func setOptimizerState(_ state: OptimizerState) throws {
    if optimizer != .sgd { velocity = state.tensors[0].values }
    steps = state.steps
  }

  /// The largest distance of a parameter from the optimum.
  var error: Float { zip(theta, target).map { abs($0 - $1) }.max()! }
}
