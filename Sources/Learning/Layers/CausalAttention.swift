// SPDX-License-Identifier: Apache-2.0

/// Causal self-attention with several heads: `[batch, time, width]` to the same.
public struct CausalAttention: ParameterTree {
  /// Queries, keys and values at once: `[width, 3 · width]`.
  public var qkv: Linear
  /// `[width, width]`.
  public var output: Linear
  public let heads: Int

  /// `heads` divides `width`.
  public init(
    width: Int, heads: Int, deviation: Float = 0.02, outputDeviation: Float? = nil, key: RandomKey
  ) throws(LearningError) {
    guard heads > 0, width > 0, width % heads == 0 else {
      throw LearningError(
        .badConfiguration, "\(heads) heads do not divide a width of \(width)", place: "attention",
        remedy: "Choose a width that is a multiple of the number of heads.")
    }
    let keys = key.split(2)
    qkv = try Linear(width, 3 * width, deviation: deviation, key: keys[0])
    output = try Linear(width, width, deviation: outputDeviation ?? deviation, key: keys[1])
    self.heads = heads
  }

  public func callAsFunction(_ x: Tensor) throws(LearningError) -> Tensor {
    try output(qkv(x).causalAttention(heads: heads))
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.part("qkv", &qkv)
    try visitor.part("output", &output)
  }
}
