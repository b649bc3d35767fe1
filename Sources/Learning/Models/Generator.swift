// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import Foundation

/// How the next token is drawn.
public struct Sampling: Hashable, Sendable {
  /// 0 always takes the likeliest token; 1 draws from the model's own distribution.
  public var temperature: Float
  /// Draws among this many likeliest tokens only, if given.
  public var top: Int?
  /// The same seed draws the same tokens.
  public var seed: Seed

  public init(temperature: Float = 0.8, top: Int? = 40, seed: Seed = Seed(0)) {
    self.temperature = temperature
    self.top = top
    self.seed = seed
  }
}

extension GPT {
  /// Tokens generated at most in one call.
  public static let generatedMax = 1 << 20

  /// Goes on from `prompt`: `count` further tokens, one at a time.
  ///
  /// Sees the last `context` tokens. An empty prompt begins with token 0, which is not returned.
  ///
  /// - Parameter each: called with every token as it comes; generation ends when it gives `false`.
  /// - Complexity: one forward pass over the tokens in sight for each token.
  public func generate(
    after prompt: [Int32], count: Int, sampling: Sampling, each: (Int32) -> Bool = { _ in true }
  ) throws(LearningError) -> [Int32] {
    let vocabulary = configuration.vocabulary
    guard (0...Self.generatedMax).contains(count), sampling.temperature >= 0,
      sampling.temperature.isFinite, sampling.top.map({ $0 > 0 }) ?? true
    else {
      throw LearningError(
        .badConfiguration,
        "\(count) tokens, temperature \(sampling.temperature), top \(sampling.top ?? vocabulary)",
        place: "generate",
        remedy: "Ask for 0 to \(Self.generatedMax) tokens, a temperature from 0, a top from 1.")
    }
    if let bad = prompt.first(where: { $0 < 0 || $0 >= vocabulary }) {
      throw LearningError(
        .tokenOutOfRange, "token \(bad) with a vocabulary of \(vocabulary)", place: "generate",
        remedy: "Use the tokenizer that belongs to this model.")
    }
    var random = SplitMix64(sampling.seed.derived("generate"))
    var seen = prompt.isEmpty ? [0] : prompt
    var generated: [Int32] = []
    while generated.count < count {
      let visible = Array(seen.suffix(configuration.context))
      let logits = try logits(try Tensor(integers: visible, shape: [1, visible.count]))
      let last = try logits.slice(axis: 1, visible.count - 1..<visible.count).floats()
      guard let token = draw(last, sampling, &random) else {
        throw LearningError(
          .notFinite, "the model's logits are not finite after \(generated.count) tokens",
          place: "generate", remedy: "The parameters are damaged; use an earlier checkpoint.")
      }
      seen.append(token)
      generated.append(token)
      if !each(token) { break }
    }
    return generated
  }

  private func draw(_ logits: [Float], _ sampling: Sampling, _ random: inout SplitMix64) -> Int32? {
    guard logits.allSatisfy(\.isFinite) else { return nil }
    // By falling logit, then by token, so that equal logits leave no choice to the sort.
    let order = logits.indices.sorted { (logits[$0], $1) > (logits[$1], $0) }
    if sampling.temperature == 0 { return Int32(order[0]) }
    let kept = order.prefix(sampling.top ?? order.count)
    let top = Double(logits[order[0]])
    let weights = kept.map { exp((Double(logits[$0]) - top) / Double(sampling.temperature)) }
    var left = Double(random.next() >> 11) * 0x1p-53 * weights.reduce(0, +)
    for (token, weight) in zip(kept, weights) {
      left -= weight
      if left < 0 { return Int32(token) }
    }
    return kept.last.map { Int32($0) }
  }
}
