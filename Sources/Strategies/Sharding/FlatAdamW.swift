// SPDX-License-Identifier: Apache-2.0

public import FerryCollectives
public import FerryLearning
import Foundation

/// `AdamW` of one range of a flat run of parameters, for a rank that owns no more.
///
/// The formula is that of `AdamW`; what has one dimension does not decay, as there.
public struct FlatAdamW: ShardOptimizer {
  public let options: AdamW.Options
  public private(set) var steps = 0
  private var first: [Float]
  private var second: [Float]
  /// Of the range, those that decay.
  private let decaying: [Range<Int>]

  /// - Parameters:
  ///   - range: what this rank owns; may reach beyond the layout's end, where zeros lie.
  ///   - layout: of the whole run.
  public init(
    _ options: AdamW.Options = .init(), for range: Range<Int>, of layout: ParameterLayout
  ) {
    self.options = options
    first = Array(repeating: 0, count: range.count)
    second = first
    decaying = layout.entries.filter { $0.shape.count >= 2 && $0.range.overlaps(range) }.map {
      let part = $0.range.clamped(to: range)
      return part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound
    }
  }

  public mutating func step(_ parameters: inout [Float], gradient: [Float], learningRate: Float) {
    steps += 1
    let (beta1, beta2) = (options.beta1, options.beta2)
    let correction1 = Float(1 - pow(Double(beta1), Double(steps)))
    let correction2 = Float(1 - pow(Double(beta2), Double(steps)))
    let decay = learningRate * options.weightDecay
    var old: [[Float]] = []
    if decay != 0 { old = decaying.map { Array(parameters[$0]) } }
    for i in parameters.indices {
      first[i] = beta1 * first[i] + (1 - beta1) * gradient[i]
      second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i]
      let root = (second[i] / correction2).squareRoot() + options.epsilon
      parameters[i] -= learningRate * (first[i] / correction1) / root
    }
    for (range, values) in zip(decaying, old) {
      for (i, value) in zip(range, values) { parameters[i] -= decay * value }
    }
  }

  public var state: [(name: String, values: [Float])] {
    [("first-moment", first), ("second-moment", second)]
  }

  public mutating func restore(_ state: [(name: String, values: [Float])], steps: Int) {
    precondition(state.map(\.name) == self.state.map(\.name), "state of \(state.map(\.name))")
    (first, second, self.steps) = (state[0].values, state[1].values, steps)
  }
}
