// SPDX-License-Identifier: Apache-2.0

import FerryStrategies
import Testing

@Suite("Outer step")
struct OuterStepTests {
  @Test("two rounds of Nesterov as worked out by hand")
  func twoRounds() {
    // ρ = ½, η = ½, θ̄ = 4, Δ = 1 then 2; all numbers are exact in binary.
    // Round 1: b = 1; θ̄ = 4 − ½ (1 + ½·1) = 3.25.
    // Round 2: b = ½·1 + 2 = 2.5; θ̄ = 3.25 − ½ (2 + ½·2.5) = 1.625.
    let outer = OuterStep(learningRate: 0.5, momentum: 0.5)
    var (theta, b): ([Float], [Float]) = ([4], [0])
    outer.apply([1], to: &theta, buffer: &b)
    #expect(theta == [3.25] && b == [1])
    outer.apply([2], to: &theta, buffer: &b)
    #expect(theta == [1.625] && b == [2.5])
  }

  @Test("the pseudo-gradient points from the local parameters to the global ones")
  func sign() {
    #expect(OuterStep.pseudoGradient(global: [3, 0], local: [1, 2]) == [2, -2])
  }

  @Test("rate 1 without momentum lands on the mean of the local parameters")
  func averaging() {
    let outer = OuterStep(learningRate: 1, momentum: 0)
    var (theta, b): ([Float], [Float]) = ([3, 8], [0, 0])
    outer.apply([1, -2], to: &theta, buffer: &b)
    #expect(theta == [2, 10])
  }
}
