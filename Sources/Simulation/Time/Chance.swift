// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// A probability as a threshold on one random word: a draw is one comparison.
struct Probability: Sendable {
  let threshold: UInt64
  /// True when the event can happen at all; a zero takes no draw.
  let isPossible: Bool

  init(_ value: Double) {
    precondition(value >= 0 && value <= 1, "a probability is from 0 to 1, got \(value)")
    isPossible = value > 0
    threshold = value >= 1 ? .max : UInt64(value * 0x1p64)
  }
}

extension SplitMix64 {
  mutating func happens(_ probability: Probability) -> Bool {
    probability.isPossible && next() <= probability.threshold
  }

  /// A whole number below `bound`; 0 when the bound is not above zero.
  mutating func below(_ bound: Int64) -> Int64 {
    guard bound > 0 else { return 0 }
    return Int64(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  mutating func between(_ range: ClosedRange<Duration>) -> Int64 {
    let low = range.lowerBound.worldNanoseconds
    return low + below(range.upperBound.worldNanoseconds - low + 1)
  }

  /// Between half and one and a half of `mean`: recurring faults neither march in step nor
  /// cluster. Uniform rather than exponential, because a logarithm may differ in its last bit
  /// between machines.
  mutating func around(_ mean: Int64) -> Int64 { mean / 2 + below(mean + 1) }
}
