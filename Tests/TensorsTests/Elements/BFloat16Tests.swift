// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("BFloat16")
struct BFloat16Tests {
  @Test("every pattern widens and narrows back to itself, in every build")
  func everyPattern() {
    let all = (0...UInt16.max).map { BFloat16(bitPattern: $0) }
    for build in KernelBuild.allCases {
      var wide = [Float](repeating: 0, count: all.count)
      var view = wide.mutableSpan
      Kernels.widen(all.span, into: &view, build: build)
      #expect(bits(wide) == all.map { UInt32($0.bitPattern) << 16 })
      #expect(
        narrow(wide, build) == all.map { $0.float.isNaN ? $0.bitPattern | 0x40 : $0.bitPattern })
    }
  }

  @Test("narrows to the nearest, ties to even", arguments: KernelBuild.allCases)
  func nearest(build: KernelBuild) {
    // 1 + 2⁻⁸ is halfway between 1 and 1 + 2⁻⁷; 1 + 3·2⁻⁸ halfway between 1 + 2⁻⁷ and 1 + 2⁻⁶.
    let values: [Float] = [1, 1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 1 + 0x3p-8, -1 - 0x3p-8]
    #expect(narrow(values, build) == [0x3f80, 0x3f80, 0x3f81, 0x3f82, 0xbf82])
    #expect(narrow([.greatestFiniteMagnitude, -.infinity], build) == [0x7f80, 0xff80])
    // A NaN whose payload is in the lower half alone must not become infinity.
    #expect(narrow([Float(bitPattern: 0x7f80_0001)], build) == [0x7fc0])
    let many = samplePatterns(200_000, 5)
    #expect(narrow(many, build) == narrow(many, .plain))
    for value in many where value.isNormal && value.magnitude < 3e38 {
      let error = (BFloat16(value).float - value).magnitude
      #expect(error <= value.magnitude * 0x1p-8)
    }
  }

  @Test("bytes in any alignment are used as the values are", arguments: KernelBuild.allCases)
  func bytes(build: KernelBuild) {
    for count in sizes {
      let values = sampleFloats(count, 6)
      var bytes = [UInt8](repeating: 9, count: 2 * count + 1)
      var view = bytes.mutableSpan
      var part = view.part(1..<2 * count + 1)
      Kernels.narrow(values.span, intoBFloat16Bytes: &part)
      let rounded = values.map { BFloat16($0).float }
      var wide = [Float](repeating: 0, count: count)
      var target = wide.mutableSpan
      let from = bytes.span.extracting(1..<2 * count + 1).elementBytes
      Kernels.widen(bfloat16: from, into: &target)
      #expect(wide == rounded)
      var sum = values
      var sums = sum.mutableSpan
      Kernels.accumulate(bfloat16: from, into: &sums, build: build)
      #expect(bits(sum) == bits(zip(values, rounded).map { $0 + $1 }))
      #expect(Kernels.firstNonFinite(bfloat16: from, build: build) == nil)
      guard count > 0 else { continue }
      for (at, high) in [(0, 0x7f), (count / 2, 0xff), (count - 1, 0x7f)] as [(Int, UInt8)] {
        var bad = bytes
        for index in [at, count - 1] {
          bad[1 + 2 * index] = 0x80
          bad[2 + 2 * index] = high
        }
        let found = Kernels.firstNonFinite(
          bfloat16: bad.span.extracting(1..<2 * count + 1).elementBytes, build: build)
        #expect(found == at)
      }
    }
  }

  private func narrow(_ values: [Float], _ build: KernelBuild) -> [UInt16] {
    var result = [BFloat16](repeating: BFloat16(0), count: values.count)
    var view = result.mutableSpan
    Kernels.narrow(values.span, into: &view, build: build)
    return result.map(\.bitPattern)
  }
}
