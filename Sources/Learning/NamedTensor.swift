// SPDX-License-Identifier: Apache-2.0

/// Numbers with a name and a shape, outside the engine: for checkpoints, links and optimizers.
public struct NamedTensor: Hashable, Sendable {
  /// Such as `blocks.0.attention.qkv.weight`.
  public let name: String
  /// Empty for a single number.
  public let shape: [Int]
  /// Row-major; as many as the shape has elements.
  public let values: [Float]

  /// `values` must be as many as the shape has elements.
  public init(name: String, shape: [Int], values: [Float]) {
    precondition(
      values.count == shape.reduce(1, *), "\(values.count) values for \(name) of shape \(shape)")
    self.name = name
    self.shape = shape
    self.values = values
  }

  /// A tensor of one dimension.
  public init(name: String, values: [Float]) {
    self.init(name: name, shape: [values.count], values: values)
  }
}
