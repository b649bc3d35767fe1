// SPDX-License-Identifier: Apache-2.0

/// Two linear layers with a GELU between: `[..., width]` to the same.
public struct MLP: ParameterTree {
  /// `[width, hidden]`.
  public var up: Linear
  /// `[hidden, width]`.
  public var down: Linear

  public init(
    width: Int, hidden: Int, deviation: Float = 0.02, outputDeviation: Float? = nil, key: RandomKey
  ) throws(LearningError) {
    let keys = key.split(2)
    up = try Linear(width, hidden, deviation: deviation, key: keys[0])
    down = try Linear(hidden, width, deviation: outputDeviation ?? deviation, key: keys[1])
  }

  public func callAsFunction(_ x: Tensor) throws(LearningError) -> Tensor {
    try down(up(x).gelu())
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.part("up", &up)
    try visitor.part("down", &down)
  }
}
