// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("Int8Blocks")
struct Int8BlocksTests {
  static let roundings: [Int8Blocks.Rounding] = [.nearest, .stochastic(seed: 99)]

  @Test("every build writes the plain loop's bytes", arguments: sizes, roundings)
  func sameBytes(count: Int, rounding: Int8Blocks.Rounding) {
    for block in [1, 7, 256] where count < 10_000 || block == 256 {
      let blocks = Int8Blocks(block: block)
      let values = sampleFloats(count, 7)
      let plain = encode(blocks, values, rounding, .plain)
      var target = sampleFloats(count, 8)
      let before = target
      for build in KernelBuild.allCases {
        #expect(encode(blocks, values, rounding, build) == plain)
        #expect(blocks.firstUnsound(in: plain.span, count: count, build: build) == nil)
        #expect(decode(blocks, plain, count, build) == decode(blocks, plain, count, .plain))
        target = before
        var view = target.mutableSpan
        blocks.accumulate(plain.span, into: &view, build: build)
        let decoded = decode(blocks, plain, count, .plain).map { Float(bitPattern: $0) }
        #expect(bits(target) == bits(zip(before, decoded).map { $0 + $1 }))
      }
    }
  }

  @Test("tiny, huge and mixed blocks are alike in every build", arguments: roundings)
  func extremes(rounding: Int8Blocks.Rounding) {
    let blocks = Int8Blocks(block: 8)
    let subnormals = (0..<8).map { Float(bitPattern: UInt32($0) * 9) }
    let mixed: [Float] = [1e-30, 1.1e-28, -.leastNonzeroMagnitude, 1.0e-28, 0, -0.0, 1e-38, 2e-29]
    let huge = (0..<8).map { Float.greatestFiniteMagnitude / Float($0 * $0 + 1) }
    let values = subnormals + mixed + huge + huge.map { -$0 }
    let plain = encode(blocks, values, rounding, .plain)
    for build in KernelBuild.allCases {
      #expect(encode(blocks, values, rounding, build) == plain)
      let decoded = decode(blocks, plain, values.count, build).map { Float(bitPattern: $0) }
      #expect(decoded.allSatisfy { $0.isFinite })
      #expect(decoded[0..<8].allSatisfy { $0 == 0 })
    }
  }

  @Test("names the first value that is not finite", arguments: roundings)
  func notFinite(rounding: Int8Blocks.Rounding) {
    var values = sampleFloats(1000, 9)
    values[700] = .nan
    values[701] = .infinity
    var bytes = [UInt8](repeating: 0, count: Int8Blocks(block: 256).byteCount(for: 1000))
    for build in KernelBuild.allCases {
      var view = bytes.mutableSpan
      #expect(
        Int8Blocks(block: 256).encode(values.span, rounding: rounding, into: &view, build: build)
          == 700)
    }
  }

  @Test("refuses steps and codes that no encoder writes")
  func unsound() {
    let blocks = Int8Blocks(block: 4)
    let good = encode(blocks, [1, 2, 3, 4, 5, 6], .nearest, .plain)
    let steps: [Float] = [
      -1, .nan, .infinity, -0.0, .leastNormalMagnitude / 8, Int8Blocks.stepMin.nextDown,
      Int8Blocks.stepMax.nextUp,
    ]
    for build in KernelBuild.allCases {
      for step in steps {
        var bad = good
        for byte in 0..<4 {
          bad[8 + byte] = UInt8(truncatingIfNeeded: step.bitPattern >> (8 * byte))
        }
        #expect(blocks.firstUnsound(in: bad.span, count: 6, build: build) == 4, "\(step)")
      }
      var bad = good
      bad[5] = 0x80
      #expect(blocks.firstUnsound(in: bad.span, count: 6, build: build) == 0)
    }
    #expect((127 * Int8Blocks.stepMax).isFinite)
    #expect(!(127 * Int8Blocks.stepMax.nextUp).isFinite)
  }

  private func encode(
    _ blocks: Int8Blocks, _ values: [Float], _ rounding: Int8Blocks.Rounding, _ build: KernelBuild
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xaa, count: blocks.byteCount(for: values.count))
    var view = bytes.mutableSpan
    #expect(blocks.encode(values.span, rounding: rounding, into: &view, build: build) == nil)
    return bytes
  }

  private func decode(
    _ blocks: Int8Blocks, _ bytes: [UInt8], _ count: Int, _ build: KernelBuild
  ) -> [UInt32] {
    var values = [Float](repeating: .nan, count: count)
    var view = values.mutableSpan
    blocks.decode(bytes.span, into: &view, build: build)
    return bits(values)
  }
}
