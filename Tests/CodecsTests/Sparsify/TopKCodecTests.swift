// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import Testing

@Suite("TopKCodec")
struct TopKCodecTests {
  @Test("keeps a fraction, rounded up, or a count, and its bytes follow from the number of values")
  func byteCount() {
    let part = TopKCodec(keeping: .fraction(0.01))
    for (count, kept) in [(0, 0), (1, 1), (100, 1), (101, 2), (65_536, 656)] {
      #expect(part.kept(of: count) == kept)
    }
    for (count, kept) in [(0, 0), (3, 3), (5, 5), (1000, 5)] {
      #expect(TopKCodec(keeping: .count(5)).kept(of: count) == kept)
    }
    #expect(TopKCodec(keeping: .fraction(1)).kept(of: 1000) == 1000)
    // 2048 values of 4 bytes, and 7 bits for the index of each.
    #expect(TopKCodec().byteCount(for: 65_536) == 2048 * 4 + 1792)
  }

  @Test("keeps the largest exactly, the first of equals, and nothing of the rest")
  func keeps() throws {
    let codec = TopKCodec(keeping: .count(3))
    let values: [Float] = [1, -5, 0.1, 5, 5, -5, .leastNonzeroMagnitude]
    #expect(try round(codec, values) == [0, -5, 0, 5, 5, 0, 0])
    #expect(try round(TopKCodec(keeping: .count(9)), values) == values)
  }

  @Test("the bytes are these, on every machine")
  func fixedBytes() throws {
    let bytes = try TopKCodec(keeping: .count(2)).encode([0, 1, 0, 0, 0, 0, -2, 0], seed: Seed(1))
    // Two low bits an index, 1 and 2; upper parts 0 and 1, at bits 0 and 2.
    #expect(bytes == [0b1001, 0b101, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])
  }

  @Test("what is lost is at most the part that is dropped, and at most the k-th largest each")
  func contraction() throws {
    for part in [0.01, 0.1, 0.5] {
      let codec = TopKCodec(keeping: .fraction(part))
      let values = sampleFloats(10_000, 3)
      let back = try round(codec, values)
      let kept = codec.kept(of: 10_000)
      let least = values.map(\.magnitude).sorted(by: >)[kept - 1]
      var (lost, all) = (0.0, 0.0)
      for (value, decoded) in zip(values, back) {
        let error = Double(value) - Double(decoded)
        #expect(error.magnitude <= Double(least))
        lost += error * error
        all += Double(value) * Double(value)
      }
      #expect(back.count { $0 != 0 } == kept)
      #expect(lost <= (1 - Double(kept) / 10_000) * all)
    }
  }

  @Test("a dropped value is lost whatever the seed: the mean over seeds is not the value")
  func biased() throws {
    let codec = TopKCodec(keeping: .count(1))
    for seed in 0..<100 as Range<UInt64> {
      #expect(try codec.decode(try codec.encode([1, 2], seed: Seed(seed)), count: 2) == [0, 2])
    }
    #expect(codec.errorBound(peak: 2) == 2)
  }

  @Test("indices and values that no encoder writes are refused by place, and nothing is added")
  func malformed() throws {
    let codec = TopKCodec(keeping: .count(2))
    let good = try codec.encode([0, 1, 0, 0, 0, 0, -2, 0], seed: Seed(1))
    let lies: [(Int, [UInt8], String)] = [
      (2, [0, 0, 0x80, 0x7f], "the value inf, which no encoder writes (codec top-k, value 1)"),
      (6, [0, 0, 0xc0, 0x7f], "the value nan, which no encoder writes (codec top-k, value 6)"),
      (6, [0, 0, 0, 0x80], "the value -0.0, which no encoder writes (codec top-k, value 6)"),
      (0, [0x19], "indices that no encoder writes (codec top-k, value 0)"),
      (1, [0b11], "indices that no encoder writes (codec top-k, value 0)"),
      (1, [0b1], "indices that no encoder writes (codec top-k, value 0)"),
      (1, [0b111], "indices that no encoder writes (codec top-k, value 0)"),
    ]
    for (at, lie, what) in lies {
      var bytes = good
      bytes.replaceSubrange(at..<at + lie.count, with: lie)
      if at == 1, lie == [0b11] { bytes[0] = 0b0101 }
      var target = [Float](repeating: 3, count: 8)
      var view = target.mutableSpan
      do throws(CodecError) {
        try codec.accumulate(bytes.span, into: &view)
        Issue.record("took \(lie) at \(at)")
      } catch {
        #expect(
          error.description == "encoding-malformed: \(what). "
            + "The bytes were damaged or made by another version; ask for them again.")
      }
      #expect(target.allSatisfy { $0 == 3 })
    }
  }

  private func round(_ codec: TopKCodec, _ values: [Float]) throws -> [Float] {
    try codec.decode(try codec.encode(values, seed: Seed(0)), count: values.count)
  }
}
