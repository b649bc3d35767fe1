// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Testing

@Suite("Kernels: selection")
struct KernelsSelectionTests {
  @Test("every build selects what sorting selects", arguments: sizes)
  func sameIndices(count: Int) {
    for seed: UInt64 in 1...3 {
      // Of few magnitudes and of many: both signs of both.
      let coarse = sampleFloats(count, seed).map { ($0 / 4096).rounded() }
      for values in [sampleFloats(count, seed), coarse, [Float](repeating: -2, count: count)] {
        for kept in Set([0, 1, count / 32, count / 2, count]) where kept <= count {
          let expected = select(kept, values, .plain)
          #expect(expected == expected.sorted() && Set(expected).count == kept)
          for build in KernelBuild.allCases {
            // As a flag: what differs in 100,000 indices takes minutes to print.
            let isSame = select(kept, values, build) == expected
            #expect(isSame)
          }
        }
      }
    }
  }

  @Test("of equal magnitudes the first are kept, whatever their signs")
  func ties() {
    for build in KernelBuild.allCases {
      #expect(select(3, [1, -2, 2, 0, 2, -2, 1], build) == [1, 2, 4])
      #expect(select(5, [1, -2, 2, 0, 2, -2, 1], build) == [0, 1, 2, 4, 5])
      #expect(select(2, [0, -0.0, 0], build) == [0, 1])
      #expect(select(1, [.leastNonzeroMagnitude, 0, Float(bitPattern: 2)], build) == [2])
    }
  }

  @Test("names the first value that is not finite")
  func notFinite() {
    var values = sampleFloats(1000, 9)
    values[700] = -.infinity
    values[701] = .nan
    for build in KernelBuild.allCases {
      var indices = [UInt32](repeating: 0, count: 10)
      var view = indices.mutableSpan
      #expect(Kernels.largest(of: values.span, into: &view, build: build) == 700)
    }
  }

  private func select(_ kept: Int, _ values: [Float], _ build: KernelBuild) -> [UInt32] {
    var indices = [UInt32](repeating: .max, count: kept)
    var view = indices.mutableSpan
    #expect(Kernels.largest(of: values.span, into: &view, build: build) == nil)
    return indices
  }
}
