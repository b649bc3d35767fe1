// SPDX-License-Identifier: Apache-2.0

/// An optimizer of a range of the flat run: it sees each value and its gradient, and no other.
public protocol ShardOptimizer {
  /// Moves the parameters of the range one step against the gradient; both have its length.
  mutating func step(_ parameters: inout [Float], gradient: [Float], learningRate: Float)

  /// Steps made.
  var steps: Int { get }

  /// What is remembered, by name: vectors as long as the range, in a fixed order.
  var state: [(name: String, values: [Float])] { get }

  /// Goes back to what `state` gave after `steps` steps, of the same range or of others that make it up.
  mutating func restore(_ state: [(name: String, values: [Float])], steps: Int)
}
