// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// Floats of many magnitudes and both signs, from a seed: about 2⁻¹⁶ to 2¹⁶.
func sampleFloats(_ count: Int, _ seed: UInt64) -> [Float] {
  var random = SplitMix64(Seed(seed))
  return (0..<count).map { _ in
    Float.random(in: -1...1, using: &random)
      * Float(sign: .plus, exponent: Int.random(in: -16...16, using: &random), significand: 1)
  }
}
