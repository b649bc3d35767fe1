// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryTensors
import Testing

@Suite("Int4Codec")
struct Int4CodecTests {
  @Test("takes half a byte a value and four a block, each block from a byte of its own")
  func byteCount() {
    let counts = [(0, 0), (1, 5), (2, 5), (63, 36), (64, 36), (65, 41), (1_000_000, 562_500)]
    for (count, bytes) in counts { #expect(Int4Codec().byteCount(for: count) == bytes) }
    // Odd blocks: two of three, one of one.
    #expect(Int4Codec(block: 3).byteCount(for: 7) == 6 + 6 + 5)
  }

  @Test(
    "the bytes are these, on every machine", arguments: [Int4Codec.Rounding.nearest, .stochastic])
  func fixedBytes(rounding: Int4Codec.Rounding) throws {
    // Peak 7, so the step is 1 and nearest rounding can be read off; ties go to even. Nine values:
    // five lower halves, four upper ones.
    let values: [Float] = [7, -7, 0.5, 1.5, -0.5, 2.25, -2.75, 0, -5.5]
    let bytes = try Int4Codec(rounding: rounding).encode(values, seed: Seed(42))
    #expect(Array(bytes[0..<4]) == [0, 0, 0x80, 0x3f])
    switch rounding {
    case .nearest: #expect(Array(bytes[4...]) == [0x27, 0xd9, 0x00, 0xa2, 0x00])
    case .stochastic: #expect(Array(bytes[4...]) == [0x37, 0xe9, 0x01, 0xa1, 0x0f])
    }
  }

  @Test("stochastic rounding has the value as its mean, within 5 sigma")
  func unbiased() throws {
    let codec = Int4Codec(block: 64, rounding: .stochastic)
    // Steps of 1: fractions of every size, whole numbers, and both signs.
    let values: [Float] =
      [7] + (0..<31).map { Float($0) / 31 } + (0..<32).map { -3.25 * Float($0) / 32 }
    let rounds = 20_000
    var sums = [Double](repeating: 0, count: values.count)
    for round in 0..<rounds {
      let seed = Seed(1).derived("rounding", UInt64(round))
      let back = try codec.decode(try codec.encode(values, seed: seed), count: 64)
      for i in values.indices { sums[i] += Double(back[i]) }
    }
    for (value, sum) in zip(values, sums) {
      let fraction = Double(value) - Double(value).rounded(.down)
      let sigma = (fraction * (1 - fraction) / Double(rounds)).squareRoot()
      let mean = sum / Double(rounds)
      #expect((mean - Double(value)).magnitude <= 5 * sigma + 1e-6, "\(value): \(mean)")
    }
  }

  @Test("places and blocks draw independently of each other")
  func independent() throws {
    // All values are half a step: codes are fair coins, 0 or 1.
    let block = 256
    var values = [Float](repeating: 0.5, count: 400 * block)
    for start in stride(from: 0, to: values.count, by: block) { values[start] = 7 }
    let codec = Int4Codec(block: block, rounding: .stochastic)
    let back = try codec.decode(
      try codec.encode(values, seed: Seed(3)), count: values.count)
    func agreement(_ distance: Int) -> Double {
      var (same, all) = (0, 0)
      for i in 0..<values.count - distance
      where i % block != 0 && (i + distance) % block != 0 {
        same += back[i] == back[i + distance] ? 1 : 0
        all += 1
      }
      return (Double(same) / Double(all) - 0.5) / (0.5 / Double(all).squareRoot())
    }
    for distance in [1, 2, 3, 8, 255, 256, 257, 512] {
      #expect(agreement(distance).magnitude < 4.5, "distance \(distance)")
    }
  }

  @Test("a block that no encoder writes is refused by place, and nothing is added")
  func malformed() throws {
    let codec = Int4Codec(block: 256)
    var bytes = try codec.encode(sampleFloats(600, 1), seed: Seed(0))
    bytes[132 + 3] = 0x7f
    var target = [Float](repeating: 3, count: 600)
    var view = target.mutableSpan
    do throws(CodecError) {
      try codec.accumulate(bytes.span, into: &view)
      Issue.record("took a bad step")
    } catch {
      #expect(
        error.description
          == "encoding-malformed: a block with a step or code that no encoder writes "
          + "(codec int4, value 256). "
          + "The bytes were damaged or made by another version; ask for them again.")
    }
    #expect(target.allSatisfy { $0 == 3 })
  }

  @Test("encoding what was decoded loses nothing but the last bits")
  func idempotent() throws {
    let codec = Int4Codec()
    let values = sampleFloats(10_000, 2)
    let bytes = try codec.encode(values, seed: Seed(0))
    let back = try codec.decode(bytes, count: values.count)
    let again = try codec.decode(try codec.encode(back, seed: Seed(0)), count: 10_000)
    for i in values.indices {
      #expect((again[i] - back[i]).magnitude <= back[i].magnitude * 0x1p-22)
    }
  }
}
