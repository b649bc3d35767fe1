// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation
import Testing

@Suite("Half")
struct HalfTests {
  @Test("every pattern widens and narrows back to itself, in every build")
  func everyPattern() {
    let all = (0...UInt16.max).map { Half(bitPattern: $0) }
    var plain = [Float](repeating: 0, count: all.count)
    var view = plain.mutableSpan
    Kernels.widen(all.span, into: &view, build: .plain)
    for build in KernelBuild.allCases {
      var wide = [Float](repeating: 0, count: all.count)
      var view = wide.mutableSpan
      Kernels.widen(all.span, into: &view, build: build)
      #expect(bits(wide) == bits(plain))
      var back = all
      var narrow = back.mutableSpan
      Kernels.narrow(wide.span, into: &narrow, build: build)
      let expected = all.map { $0.float.isNaN ? $0.bitPattern | 0x200 : $0.bitPattern }
      #expect(back.map(\.bitPattern) == expected)
    }
    #if !(os(macOS) && arch(x86_64))
      for half in all where !half.float.isNaN {
        #expect(half.float == Float(Float16(bitPattern: half.bitPattern)))
      }
    #endif
  }

  @Test("narrows as the CPU's own type and as NumPy do", arguments: KernelBuild.allCases)
  func narrows(build: KernelBuild) throws {
    let values =
      samplePatterns(200_000, 3) + sampleFloats(100_000, 4)
      + [
        65504, 65519.99, 65520, 0x1p-14, 0x1p-24, 0x1p-25, 0x1.8p-25, .leastNonzeroMagnitude, -0.0,
        .infinity,
      ]
    #if !(os(macOS) && arch(x86_64))
      let narrowed = narrow(values, build)
      for (value, half) in zip(values, narrowed) where !value.isNaN {
        try #require(half.bitPattern == Float16(value).bitPattern, "\(value)")
      }
    #endif
    let golden = try Golden.rounding()
    let made = narrow(golden.float.map { Float(bitPattern: $0) }, build)
    #expect(made.map(\.bitPattern) == golden.half)
    #expect(narrow([.nan, -.nan], build).allSatisfy { $0.float.isNaN })
    #expect(narrow(values, build).map(\.bitPattern) == narrow(values, .plain).map(\.bitPattern))
  }

  private func narrow(_ values: [Float], _ build: KernelBuild) -> [Half] {
    var result = [Half](repeating: Half(0), count: values.count)
    var view = result.mutableSpan
    Kernels.narrow(values.span, into: &view, build: build)
    return result
  }
}
