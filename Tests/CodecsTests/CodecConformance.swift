// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryTensors
import Testing

/// The promises of `Codec`, kept by every codec.
@Suite("Codec conformance")
struct CodecConformance {
  static let kinds = CodecKind.allCases
  static let sizes = [0, 1, 7, 8, 9, 255, 256, 257, 4097, 100_000]

  @Test("the byte count is exact, and values come back within the bound", arguments: kinds, sizes)
  func bound(kind: CodecKind, count: Int) throws {
    for (block, seed) in [(256, 1), (1, 2), (1000, 3)] as [(Int, UInt64)] {
      let codec = kind.codec(block: block)
      let values = sampleFloats(count, seed)
      let bytes = try codec.encode(values, seed: Seed(seed))
      #expect(bytes.count == codec.byteCount(for: count))
      let back = try codec.decode(bytes, count: count)
      for start in stride(from: 0, to: count, by: block) {
        let range = start..<min(count, start + block)
        let bound = codec.errorBound(peak: range.reduce(0) { max($0, values[$1].magnitude) })
        for i in range { try #require((back[i] - values[i]).magnitude <= bound, "value \(i)") }
      }
    }
  }

  @Test("the bound holds for the special blocks", arguments: kinds, SpecialBlock.all)
  func special(kind: CodecKind, block: SpecialBlock) throws {
    let codec = kind.codec()
    let peak = block.values.reduce(0) { max($0, $1.magnitude) }
    if kind == .bfloat16, peak > BFloat16.greatestFinite.float { return }
    let back = try codec.decode(
      try codec.encode(block.values, seed: Seed(5)), count: block.values.count)
    for (value, decoded) in zip(block.values, back) {
      // In double: the difference of two huge floats of other signs would overflow.
      let error = (Double(decoded) - Double(value)).magnitude
      #expect(error <= Double(codec.errorBound(peak: peak)), "\(value) came back as \(decoded)")
    }
    if peak == 0 { #expect(back.allSatisfy { $0 == 0 }) }
  }

  @Test(
    "the same values and seed give the same bytes; accumulating adds the decoded", arguments: kinds)
  func deterministic(kind: CodecKind) throws {
    let codec = kind.codec()
    let values = sampleFloats(10_001, 4)
    let bytes = try codec.encode(values, seed: Seed(7))
    #expect(try codec.encode(values, seed: Seed(7)) == bytes)
    let isStochastic = [.int8Stochastic, .int4Stochastic].contains(kind)
    #expect((try codec.encode(values, seed: Seed(8)) == bytes) == !isStochastic)
    var before = sampleFloats(10_001, 5)
    before[0..<100] = ArraySlice([Float](repeating: -0.0, count: 100))
    var sum = before
    var view = sum.mutableSpan
    try codec.accumulate(bytes.span, into: &view)
    let decoded = try codec.decode(bytes, count: 10_001)
    #expect(sum.map(\.bitPattern) == zip(before, decoded).map { ($0 + $1).bitPattern })
  }

  @Test("bytes of another number are refused, and the target stays", arguments: kinds)
  func wrongLength(kind: CodecKind) throws {
    let codec = kind.codec()
    let needed = codec.byteCount(for: 300)
    for length in [0, needed - 1, needed + 1] {
      let bytes = [UInt8](repeating: 0, count: length)
      let error =
        "encoding-wrong-length: \(length) bytes where 300 values take \(needed) "
        + "(codec \(kind.rawValue)). "
        + "Sender and receiver must agree on codec and count; compare their configurations."
      var target = [Float](repeating: 3, count: 300)
      var view = target.mutableSpan
      var said: [String] = []
      do { try codec.decode(bytes.span, into: &view) } catch { said.append("\(error)") }
      do { try codec.accumulate(bytes.span, into: &view) } catch { said.append("\(error)") }
      do { _ = try codec.decode(bytes, count: 300) } catch { said.append("\(error)") }
      #expect(said == [error, error, error])
      #expect(target.allSatisfy { $0 == 3 })
    }
  }

  @Test("5,000 messages of noise decode to finite numbers or are refused", arguments: kinds)
  func noise(kind: CodecKind) throws {
    var random = SplitMix64(Seed(11))
    let codec = kind.codec(block: 8)
    for _ in 0..<5_000 {
      let bytes = (0..<codec.byteCount(for: 20)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      var target = [Float](repeating: 3, count: 20)
      var view = target.mutableSpan
      do throws(CodecError) {
        try codec.decode(bytes.span, into: &view)
        if kind != .float32 { #expect(target.allSatisfy { $0.isFinite }) }
      } catch {
        #expect(error.code == .malformed)
        #expect(target.allSatisfy { $0 == 3 })
      }
    }
  }

  @Test("lossy codecs refuse infinities and NaN, naming the value; f32 carries them")
  func notFinite() throws {
    for bad: Float in [.infinity, -.infinity, .nan] {
      var values = sampleFloats(10_000, 6)
      values[9_000] = bad
      values[9_001] = .nan
      for kind in Self.kinds where kind != .float32 {
        do throws(CodecError) {
          _ = try kind.codec().encode(values, seed: Seed(0))
          Issue.record("\(kind) took \(bad)")
        } catch {
          #expect(error.code == .notFinite)
          #expect(error.index == 9_000)
          #expect(
            error.description
              == "value-not-finite: value 9000 is \(bad) (codec \(kind.rawValue)). Look for the "
              + "step that diverged; a lower learning rate or clipping often helps.")
        }
      }
      let bytes = try Float32Codec().encode(values, seed: Seed(0))
      let back = try Float32Codec().decode(bytes, count: values.count)
      #expect(back.map(\.bitPattern) == values.map(\.bitPattern))
    }
  }
}

/// Values that break quantizers.
struct SpecialBlock: Sendable, CustomTestStringConvertible {
  let name: String
  let values: [Float]
  var testDescription: String { name }

  static let all = [
    SpecialBlock(name: "a constant, negative", values: [Float](repeating: -3.7, count: 65)),
    SpecialBlock(name: "zeros", values: [Float](repeating: 0, count: 300)),
    SpecialBlock(name: "negative zeros", values: [Float](repeating: -0.0, count: 300)),
    SpecialBlock(name: "constant", values: [Float](repeating: 0.1, count: 300)),
    SpecialBlock(name: "all negative", values: (1...256).map { -Float($0) / 7 }),
    SpecialBlock(name: "one among zeros", values: [Float](repeating: 0, count: 255) + [-1e-20]),
    SpecialBlock(name: "subnormal", values: (0..<256).map { Float(bitPattern: $0 * 30_000) }),
    SpecialBlock(
      name: "at the least step",
      values: [Int8Blocks.peakMin, Int8Blocks.peakMin.nextDown, 1e-30, -1e-29]),
    SpecialBlock(
      name: "below the least step",
      values: [Int8Blocks.peakMin.nextDown, -1e-28, .leastNonzeroMagnitude]),
    SpecialBlock(
      name: "at the least step of int4",
      values: [Int4Blocks.peakMin, -Int4Blocks.peakMin.nextDown, 1e-30, -4e-31]),
    SpecialBlock(
      name: "below the least step of int4",
      values: [Int4Blocks.peakMin.nextDown, -5e-30, .leastNonzeroMagnitude]),
    SpecialBlock(
      name: "huge",
      values: [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1e38, -3e38, 1]),
    SpecialBlock(name: "huge for bf16", values: [3e38, -3.3e38, 1]),
    SpecialBlock(name: "a giant among dwarfs", values: [1e30] + [Float](repeating: 1, count: 255)),
  ]
}
