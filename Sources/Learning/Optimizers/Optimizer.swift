// SPDX-License-Identifier: Apache-2.0

/// Turns gradients into steps.
///
/// A value: copying it copies its state, so that a copy goes on exactly as the original would.
public protocol Optimizer: Sendable {
  /// Moves `parameters` one step against `gradients`, both in the same order at every call.
  ///
  /// - Parameter gradientScale: gradients are multiplied by it first; see `clippingScale`.
  mutating func step(
    _ parameters: inout [Tensor], gradients: [Tensor], learningRate: Float, gradientScale: Float
  ) throws(LearningError)

  /// Makes room for the state of these parameters, all 0; `step` does it where it is not done.
  mutating func prepare(for parameters: [Tensor]) throws(LearningError)

  /// Steps done.
  var steps: Int { get }

  /// What is remembered beside the parameters, in a fixed order; empty before `prepare`.
  var state: [OptimizerSlot] { get }

  /// Puts a state back that `state` gave after `steps` steps.
  mutating func restore(_ state: [OptimizerSlot], steps: Int) throws(LearningError)
}

/// One kind of thing an optimizer remembers: one tensor for each parameter, in their order.
public struct OptimizerSlot: Sendable {
  /// Such as `first-moment`.
  public let name: String
  public let tensors: [Tensor]

  public init(name: String, tensors: [Tensor]) {
    self.name = name
    self.tensors = tensors
  }
}

extension Optimizer {
  func slots(
    _ names: [String], in state: [OptimizerSlot], steps: Int
  ) throws(LearningError) -> [[Tensor]] {
    guard state.map(\.name) == names, steps >= 0 else {
      throw LearningError(
        .stateMismatch, "state of \(state.map(\.name)) after \(steps) steps", place: "optimizer",
        remedy: "This optimizer has \(names); restore what it saved.")
    }
    return state.map(\.tensors)
  }

  static func zeros(like parameters: [Tensor]) throws(LearningError) -> [Tensor] {
    var zeros: [Tensor] = []
    for parameter in parameters { zeros.append(try Tensor(repeating: 0, shape: parameter.shape)) }
    try Tensor.evaluate(zeros)
    return zeros
  }
}

/// The L2 norm over all elements of all tensors, summed in f64 in a fixed order.
public func globalNorm(_ tensors: [Tensor]) throws(LearningError) -> Double {
  try Handle.norm(tensors.map(\.handle))
}

/// What gradients of this norm are multiplied by so that their norm is at most `normMax`.
public func clippingScale(norm: Double, normMax: Float?) -> Float {
  guard let normMax, norm > Double(normMax) else { return 1 }
  return Float(Double(normMax) / norm)
}
