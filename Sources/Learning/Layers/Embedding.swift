// SPDX-License-Identifier: Apache-2.0

/// One vector for each of `count` things: i32 indices `[...]` to `[..., width]`.
public struct Embedding: ParameterTree {
  /// `[count, width]`.
  public var weight: Tensor

  public init(
    _ count: Int, width: Int, deviation: Float = 0.02, key: RandomKey
  ) throws(LearningError) {
    weight = try key.normal(shape: [count, width], deviation: deviation)
  }

  /// An index outside 0 ..< count gives NaN.
  public func callAsFunction(_ indices: Tensor) throws(LearningError) -> Tensor {
    try weight.rows(at: indices)
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.parameter("weight", &weight)
  }
}
