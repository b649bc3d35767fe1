// SPDX-License-Identifier: Apache-2.0

/// Convolution over images `[batch, height, width, inputs]`.
public struct Conv2d: ParameterTree {
  /// `[outputs, kernel, kernel, inputs]`.
  public var weight: Tensor
  /// `[outputs]`.
  public var bias: Tensor
  public let stride: Int
  /// Zeros added on each side.
  public let padding: Int

  /// Normal weights of deviation 1/√(kernel² · inputs), bias 0.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, key: RandomKey
  ) throws(LearningError) {
    let fan = Float(max(1, kernel * kernel * inputs))
    weight = try key.normal(
      shape: [outputs, kernel, kernel, inputs], deviation: 1 / fan.squareRoot())
    bias = try Tensor(repeating: 0, shape: [outputs])
    self.stride = stride
    self.padding = padding
  }

  public func callAsFunction(_ x: Tensor) throws(LearningError) -> Tensor {
    try x.convolution(weight: weight, bias: bias, stride: stride, padding: padding)
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.parameter("weight", &weight)
    try visitor.parameter("bias", &bias)
  }
}
