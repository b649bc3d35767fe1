// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("Kernels")
struct KernelsTests {
  @Test("every build writes the plain loop's bits", arguments: sizes)
  func sameBits(count: Int) {
    let x = sampleFloats(count, 1)
    let y = sampleFloats(count, 2)
    func run(_ body: (inout MutableSpan<Float>) -> Void) -> [UInt32] {
      var result = y
      var view = result.mutableSpan
      body(&view)
      return bits(result)
    }
    for build in KernelBuild.allCases {
      #expect(
        run { Kernels.accumulate(x.span, into: &$0, build: build) }
          == bits(zip(x, y).map { $1 + $0 }))
      let bytes: [UInt8] = [7] + Bytes.array(x.span.elementBytes)
      let unaligned = bytes.span.extracting(1..<bytes.count).elementBytes
      var sum = y
      var view = sum.mutableSpan
      Kernels.accumulate(bytes: unaligned, into: &view, build: build)
      #expect(bits(sum) == bits(zip(x, y).map { $1 + $0 }))
      #expect(
        run { Kernels.accumulate(x.span, scaledBy: 0.37, into: &$0, build: build) }
          == bits(zip(x, y).map { $1 + 0.37 * $0 }))
      #expect(run { Kernels.scale(&$0, by: 0.37, build: build) } == bits(y.map { $0 * 0.37 }))
    }
  }

  @Test("the product is rounded before the sum, even where the CPU could fuse them")
  func noContraction() {
    // (1 + 2⁻¹²)² is 1 + 2⁻¹¹ + 2⁻²⁴: the last term is lost when the product is rounded first.
    let x = [Float](repeating: 1 + 0x1p-12, count: 64)
    for build in KernelBuild.allCases {
      var y = [Float](repeating: -1 - 0x1p-11, count: 64)
      var view = y.mutableSpan
      Kernels.accumulate(x.span, scaledBy: 1 + 0x1p-12, into: &view, build: build)
      #expect(y.allSatisfy { $0 == 0 })
    }
  }

  @Test("finds the first infinity or NaN, wherever it is", arguments: [1, 8, 1024, 3000])
  func firstNonFinite(count: Int) {
    let sound = sampleFloats(count, 3)
    for build in KernelBuild.allCases {
      #expect(Kernels.firstNonFinite([], build: build) == nil)
      #expect(Kernels.firstNonFinite(sound.span, build: build) == nil)
      for at in Set([0, count / 2, count - 1]) {
        for bad: Float in [.infinity, -.infinity, .nan, -.nan] {
          var values = sound
          values[at] = bad
          values[count - 1] = bad
          #expect(Kernels.firstNonFinite(values.span, build: build) == at)
        }
      }
    }
  }

  @Test func stopsAtCountsThatDiffer() async {
    await #expect(processExitsWith: .failure) {
      var target = Buffer<Float>(repeating: 0, count: 2)
      var view = target.mutableSpan
      Kernels.accumulate(([1, 2, 3] as [Float]).span, into: &view)
    }
  }
}

extension Kernels {
  fileprivate static func firstNonFinite(_ values: [Float], build: KernelBuild) -> Int? {
    firstNonFinite(values.span, build: build)
  }
}
