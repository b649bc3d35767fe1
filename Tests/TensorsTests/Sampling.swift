// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

/// The sizes that find the edges of vectors, blocks and stretches.
let sizes = [0, 1, 7, 8, 9, 255, 256, 257, 4095, 4097, 100_000]

/// Floats of many magnitudes and both signs, from a seed: about 2⁻¹⁶ to 2¹⁶.
func sampleFloats(_ count: Int, _ seed: UInt64) -> [Float] {
  var random = SplitMix64(Seed(seed))
  return (0..<count).map { _ in
    Float.random(in: -1...1, using: &random)
      * Float(sign: .plus, exponent: Int.random(in: -16...16, using: &random), significand: 1)
  }
}

/// Any bit patterns: subnormals, infinities and NaN among them.
func samplePatterns(_ count: Int, _ seed: UInt64) -> [Float] {
  var random = SplitMix64(Seed(seed))
  return (0..<count).map { _ in Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random))
  }
}

/// The bits, which compare NaN with NaN and -0 apart from 0.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

/// What a failed call said, exactly; nil when it did not fail.
func message(_ body: () throws -> Void) -> String? {
  do { try body() } catch { return "\(error)" }
  return nil
}
