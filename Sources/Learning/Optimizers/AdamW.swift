// SPDX-License-Identifier: Apache-2.0

import CMLX
import Foundation

/// Adam with decoupled weight decay.
///
/// `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`,
/// `p ← p − η (m / (1−β₁ᵗ)) / (√(v / (1−β₂ᵗ)) + ε) − η λ p`.
///
/// - Note: Loshchilov and Hutter 2019, algorithm 2, the schedule multiplier in η.
public struct AdamW: Optimizer {
  /// What can be chosen.
  public struct Options: Hashable, Sendable {
    /// Decay of the mean of gradients, 0 ..< 1.
    public var beta1: Float
    /// Decay of the mean of squared gradients, 0 ..< 1.
    public var beta2: Float
    /// Added to the root.
    public var epsilon: Float
    /// λ, for parameters of at least two dimensions; biases and normalizations do not decay.
    public var weightDecay: Float

    public init(
      beta1: Float = 0.9, beta2: Float = 0.95, epsilon: Float = 1e-8, weightDecay: Float = 0.1
    ) {
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
    }
  }

  public let options: Options
  public private(set) var steps = 0
  private var first: [Tensor] = []
  private var second: [Tensor] = []

  public init(_ options: Options = Options()) { self.options = options }

  public mutating func step(
    _ parameters: inout [Tensor], gradients: [Tensor], learningRate: Float, gradientScale: Float
  ) throws(LearningError) {
    if first.isEmpty { try prepare(for: parameters) }
    let time = Double(steps + 1)
    let step = fmlx_adamw_step(
      learning_rate: learningRate, beta1: options.beta1, beta2: options.beta2,
      epsilon: options.epsilon, correction1: Float(1 - pow(Double(options.beta1), time)),
      correction2: Float(1 - pow(Double(options.beta2), time)), gradient_scale: gradientScale)
    let decay = parameters.map { $0.shape.count >= 2 ? options.weightDecay : 0 }
    let count = gradients.count
    var lists = [parameters, first, second]
    // What is to be written in place must be held by `lists` alone.
    (parameters, first, second) = ([], [], [])
    defer { (parameters, first, second) = (lists[0], lists[1], lists[2]) }
    // SAFETY: the handles live through the call, and the shim is told how many there are.
    try unsafe Handle.update("AdamW", &lists, gradients: gradients) {
      lists, gradients, unique, results in
      unsafe fmlx_adamw(
        count, lists, gradients, lists + count, lists + 2 * count, unique, decay, step, results,
        results + count, results + 2 * count)
    }
    steps += 1
  }

  public mutating func prepare(for parameters: [Tensor]) throws(LearningError) {
    first = try Self.zeros(like: parameters)
    second = try Self.zeros(like: parameters)
  }

  private static let names = ["first-moment", "second-moment"]

  public var state: [OptimizerSlot] {
    first.isEmpty
      ? [] : zip(Self.names, [first, second]).map { OptimizerSlot(name: $0, tensors: $1) }
  }

  public mutating func restore(_ state: [OptimizerSlot], steps: Int) throws(LearningError) {
    let lists = try slots(Self.names, in: state, steps: steps)
    (first, second, self.steps) = (lists[0], lists[1], steps)
  }
}
