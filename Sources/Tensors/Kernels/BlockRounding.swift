// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// How a value between two codes of a block chooses one of them.
public enum BlockRounding: Hashable, Sendable {
  /// The nearer one; ties to even.
  case nearest
  /// The upper one with a probability that makes the mean right, to 2⁻²⁴ of a step; drawn from a
  /// seed, so that the same seed gives the same bytes everywhere.
  case stochastic(seed: UInt64)

  /// What the C loops are given: nil for `nearest`.
  var seed: UInt64? { if case .stochastic(let seed) = self { seed } else { nil } }

  /// The code of a value of `scaled` steps, at `place` in block `number`; what the C loops mean.
  func plainCode(_ scaled: Float, number: Int, place: Int) -> Float {
    switch self {
    case .nearest: return scaled.rounded(.toNearestOrEven)
    case .stochastic(let seed):
      // Up when 24 random bits are below the fraction.
      let below = scaled.rounded(.down)
      let fraction = UInt32((scaled - below) * 0x1p24)
      return Self.draw(seed, number, place) < fraction ? below + 1 : below
    }
  }

  /// Twenty-four random bits for one element of one block.
  private static func draw(_ seed: UInt64, _ number: Int, _ place: Int) -> UInt32 {
    let key = SplitMix64.mix(seed ^ SplitMix64.mix(UInt64(number)))
    var h = UInt32(place) &* 0x9E37_79B9 &+ UInt32(truncatingIfNeeded: key)
    h ^= h >> 16
    h = h &* 0x7feb_352d
    h ^= (h >> 15) ^ UInt32(key >> 32)
    h = h &* 0x846c_a68b
    h ^= h >> 16
    return h >> 8
  }
}
