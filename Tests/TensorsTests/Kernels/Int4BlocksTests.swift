// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("Int4Blocks")
struct Int4BlocksTests {
  static let roundings: [Int4Blocks.Rounding] = [.nearest, .stochastic(seed: 99)]

  @Test("every build writes the plain loop's bytes", arguments: sizes, roundings)
  func sameBytes(count: Int, rounding: Int4Blocks.Rounding) {
    for block in [1, 7, 64, 256] where count < 10_000 || block == 64 {
      let blocks = Int4Blocks(block: block)
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
  func extremes(rounding: Int4Blocks.Rounding) {
    let blocks = Int4Blocks(block: 8)
    let subnormals = (0..<8).map { Float(bitPattern: UInt32($0) * 9) }
    let mixed: [Float] = [
      1e-32, 5.6e-30, -.leastNonzeroMagnitude, 5.5e-30, 0, -0.0, 1e-38, 2e-30,
    ]
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
  func notFinite(rounding: Int4Blocks.Rounding) {
    var values = sampleFloats(1000, 9)
    values[700] = .nan
    values[701] = .infinity
    var bytes = [UInt8](repeating: 0, count: Int4Blocks(block: 256).byteCount(for: 1000))
    for build in KernelBuild.allCases {
      var view = bytes.mutableSpan
      #expect(
        Int4Blocks(block: 256).encode(values.span, rounding: rounding, into: &view, build: build)
          == 700)
    }
  }

  @Test("refuses steps and codes that no encoder writes, and bits after an odd block's end")
  func unsound() {
    let blocks = Int4Blocks(block: 5)
    // Two blocks: a step and three bytes, a step and two bytes.
    let good = encode(blocks, [1, 2, 3, 4, 5, 6, 7, 8], .nearest, .plain)
    #expect(good.count == 13)
    let steps: [Float] = [
      -1, .nan, .infinity, -0.0, .leastNormalMagnitude / 8, Int4Blocks.stepMin.nextDown,
      Int4Blocks.stepMax.nextUp, 0,
    ]
    for build in KernelBuild.allCases {
      for step in steps {
        var bad = good
        for byte in 0..<4 {
          bad[7 + byte] = UInt8(truncatingIfNeeded: step.bitPattern >> (8 * byte))
        }
        #expect(blocks.firstUnsound(in: bad.span, count: 8, build: build) == 5, "\(step)")
      }
      for (at, byte, block) in [(4, 0x08, 0), (5, 0x80, 0), (6, 0x10, 0), (12, 0x10, 5)] {
        var bad = good
        bad[at] = UInt8(byte)
        #expect(blocks.firstUnsound(in: bad.span, count: 8, build: build) == block, "byte \(at)")
      }
    }
    #expect((7 * Int4Blocks.stepMax).isFinite)
    #expect(!(7 * Int4Blocks.stepMax.nextUp).isFinite)
    #expect(Int4Blocks.step(peak: .greatestFiniteMagnitude) == Int4Blocks.stepMax)
  }

  private func encode(
    _ blocks: Int4Blocks, _ values: [Float], _ rounding: Int4Blocks.Rounding, _ build: KernelBuild
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xaa, count: blocks.byteCount(for: values.count))
    var view = bytes.mutableSpan
    #expect(blocks.encode(values.span, rounding: rounding, into: &view, build: build) == nil)
    return bytes
  }

  private func decode(
    _ blocks: Int4Blocks, _ bytes: [UInt8], _ count: Int, _ build: KernelBuild
  ) -> [UInt32] {
    var values = [Float](repeating: .nan, count: count)
    var view = values.mutableSpan
    blocks.decode(bytes.span, into: &view, build: build)
    return bits(values)
  }
}
