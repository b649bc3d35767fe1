// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryFuzzing
import Testing

/// What `make fuzz` does at length with libFuzzer, for a moment and without it.
@Suite("Decoders under fuzzing")
struct DecoderTests {
  @Test(
    "a decoder reads what our encoders make, and survives it damaged", arguments: Decoder.allCases)
  func damaged(decoder: Decoder) throws {
    let seeds = try Seeds.inputs(decoder)
    try #require(!seeds.isEmpty)
    for seed in seeds { #expect(Decoder.take(seed)) }
    var random = SplitMix64(Seed(UInt64(decoder.rawValue)))
    for turn in 0..<500 {
      var bytes = seeds[turn % seeds.count]
      for _ in 0..<Int.random(in: 1...4, using: &random) { damage(&bytes, &random) }
      #expect(Decoder.take(bytes))
    }
  }

  /// Leaves the first byte, which chooses the decoder.
  private func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    guard bytes.count > 1 else { return }
    let at = Int.random(in: 1..<bytes.count, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[at] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random)!
    case 2: bytes.remove(at: at)
    case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
    default: bytes.removeLast(bytes.count - at)
    }
  }
}
