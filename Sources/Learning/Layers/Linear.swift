// SPDX-License-Identifier: Apache-2.0

/// `x · weight + bias`: `[..., inputs]` to `[..., outputs]`.
public struct Linear: ParameterTree {
  /// `[inputs, outputs]`.
  public var weight: Tensor
  /// `[outputs]`, if there is one.
  public var bias: Tensor?

  /// Normal weights of the given deviation (1/√inputs if none is given), bias 0.
  public init(
    _ inputs: Int, _ outputs: Int, bias: Bool = true, deviation: Float? = nil, key: RandomKey
  ) throws(LearningError) {
    let deviation = deviation ?? 1 / Float(max(1, inputs)).squareRoot()
    weight = try key.normal(shape: [inputs, outputs], deviation: deviation)
    self.bias = bias ? try Tensor(repeating: 0, shape: [outputs]) : nil
  }

  public func callAsFunction(_ x: Tensor) throws(LearningError) -> Tensor {
    try x.linear(weight: weight, bias: bias)
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.parameter("weight", &weight)
    if var own = bias {
      bias = nil
      defer { bias = own }
      try visitor.parameter("bias", &own)
    }
  }
}
