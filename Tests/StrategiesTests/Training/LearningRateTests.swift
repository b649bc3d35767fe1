// SPDX-License-Identifier: Apache-2.0

import FerryStrategies
import Foundation
import Testing

@Suite("Learning rate")
struct LearningRateTests {
  @Test("rises over the warm-up, then follows half a cosine to its floor")
  func cosine() {
    let rate = LearningRate(peak: 0.5, warmupSteps: 4, decay: .cosine(until: 104, floor: 0.1))
    #expect((0..<5).map { rate.at(step: $0) } == [0.125, 0.25, 0.375, 0.5, 0.5])
    for step in 4...104 as ClosedRange<UInt64> {
      let x = Double(step - 4) / 100
      let expected = 0.5 * (0.1 + 0.9 * (1 + cos(.pi * x)) / 2)
      #expect(abs(Double(rate.at(step: step)) - expected) < 1e-7)
    }
    #expect(rate.at(step: 1_000_000) == rate.at(step: 104))
  }

  @Test("falls in a straight line, or not at all")
  func others() {
    let line = LearningRate(peak: 1, decay: .linear(until: 4, floor: 0))
    #expect((0..<6).map { line.at(step: $0) } == [1, 0.75, 0.5, 0.25, 0, 0])
    #expect(LearningRate(peak: 0.25).at(step: 99) == 0.25)
  }
}
