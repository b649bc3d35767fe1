// SPDX-License-Identifier: Apache-2.0

import CMLX

/// Gradient descent with momentum.
///
/// `v ← μv + g + λp`, `p ← p − ηv`; with Nesterov's look-ahead
/// `p ← p − η(g + λp + μv)`.
///
/// - Note: Sutskever et al. 2013, in the form where the rate is outside the velocity.
public struct SGD: Optimizer {
  /// What can be chosen.
  public struct Options: Hashable, Sendable {
    /// μ, 0 ..< 1.
    public var momentum: Float
    public var lookAhead: LookAhead
    /// λ, for all parameters.
    public var weightDecay: Float

    public init(momentum: Float = 0, lookAhead: LookAhead = .none, weightDecay: Float = 0) {
      self.momentum = momentum
      self.lookAhead = lookAhead
      self.weightDecay = weightDecay
    }
  }

  /// Whether the gradient is taken where momentum will lead.
  public enum LookAhead: Sendable { case none, nesterov }

  public let options: Options
  public private(set) var steps = 0
  private var velocity: [Tensor] = []

  public init(_ options: Options = Options()) { self.options = options }

  public mutating func step(
    _ parameters: inout [Tensor], gradients: [Tensor], learningRate: Float, gradientScale: Float
  ) throws(LearningError) {
    if velocity.isEmpty { try prepare(for: parameters) }
    let step = fmlx_momentum_step(
      learning_rate: learningRate, momentum: options.momentum, weight_decay: options.weightDecay,
      gradient_scale: gradientScale, nesterov: options.lookAhead == .nesterov)
    let count = gradients.count
    var lists = [parameters, velocity]
    (parameters, velocity) = ([], [])
    defer { (parameters, velocity) = (lists[0], lists[1]) }
    // SAFETY: the handles live through the call, and the shim is told how many there are.
    try unsafe Handle.update("SGD", &lists, gradients: gradients) {
      lists, gradients, unique, results in
      unsafe fmlx_momentum(
        count, lists, gradients, lists + count, unique, step, results, results + count)
    }
    steps += 1
  }

  public mutating func prepare(for parameters: [Tensor]) throws(LearningError) {
    velocity = try Self.zeros(like: parameters)
  }

  public var state: [OptimizerSlot] {
    velocity.isEmpty ? [] : [OptimizerSlot(name: "velocity", tensors: velocity)]
  }

  public mutating func restore(_ state: [OptimizerSlot], steps: Int) throws(LearningError) {
    velocity = try slots(["velocity"], in: state, steps: steps)[0]
    self.steps = steps
  }
}
