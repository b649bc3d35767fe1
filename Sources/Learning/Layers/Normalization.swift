// SPDX-License-Identifier: Apache-2.0

/// Layer normalization (Ba, Kiros and Hinton 2016) over the last axis.
public struct LayerNorm: ParameterTree {
  /// `[width]`, at first 1.
  public var weight: Tensor
  /// `[width]`, at first 0.
  public var bias: Tensor
  /// Added to the variance.
  public let epsilon: Float

  public init(_ width: Int, epsilon: Float = 1e-5) throws(LearningError) {
    weight = try Tensor(repeating: 1, shape: [width])
    bias = try Tensor(repeating: 0, shape: [width])
    self.epsilon = epsilon
  }

  public func callAsFunction(_ x: Tensor) throws(LearningError) -> Tensor {
    try x.layerNorm(weight: weight, bias: bias, epsilon: epsilon)
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.parameter("weight", &weight)
    try visitor.parameter("bias", &bias)
  }
}

/// Root-mean-square normalization (Zhang and Sennrich 2019) over the last axis.
public struct RMSNorm: ParameterTree {
  /// `[width]`, at first 1.
  public var weight: Tensor
  /// Added to the mean square.
  public let epsilon: Float

  public init(_ width: Int, epsilon: Float = 1e-5) throws(LearningError) {
    weight = try Tensor(repeating: 1, shape: [width])
    self.epsilon = epsilon
  }

  public func callAsFunction(_ x: Tensor) throws(LearningError) -> Tensor {
    try x.rmsNorm(weight: weight, epsilon: epsilon)
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.parameter("weight", &weight)
  }
}
