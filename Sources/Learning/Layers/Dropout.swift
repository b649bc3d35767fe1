// SPDX-License-Identifier: Apache-2.0

/// Sets elements to 0 at random and scales the rest up, so that the mean stays.
public struct Dropout: Sendable {
  /// The probability of an element to be dropped, 0 ..< 1.
  public let probability: Float

  public init(_ probability: Float) throws(LearningError) {
    guard (0..<1).contains(probability) else {
      throw LearningError(
        .badConfiguration, "a dropout probability of \(probability)", place: "dropout",
        remedy: "Use a number from 0 up to but not including 1.")
    }
    self.probability = probability
  }

  /// The same key drops the same elements. Without a key nothing is dropped, as in evaluation.
  public func callAsFunction(_ x: Tensor, key: RandomKey?) throws(LearningError) -> Tensor {
    guard let key, probability > 0 else { return x }
    return try x * key.dropoutMask(shape: x.shape, keep: 1 - probability)
  }
}
