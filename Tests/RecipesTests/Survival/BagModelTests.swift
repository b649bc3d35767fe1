// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryRecipes
import Foundation
import Testing

@Suite("Cox's loss on tensors")
struct BagModelTests {
  @Test("it is the partial likelihood, ties and all, and least at the Cox model's risks")
  func loss() throws {
    for one in try SurvivalGolden.read().made {
      let watched = CensoredTimes(one.time, events: one.event)
      let model = try #require(CoxModel(one.features, dimensions: 3, watched))
      let features = try Tensor(one.features.map { Float($0) }, shape: [watched.count, 3])
      let (value, gradients) = try valueAndGradient(
        at: [Tensor(model.coefficients.map { Float($0) }, shape: [3, 1])]
      ) { try features.matmul($0[0]).reshaped([-1]).coxLoss(watched) }
      let mean = -one.answers.logLikelihood / Double(watched.eventCount)
      #expect(abs(Double(try value.scalar()) - mean) < 1e-5 * mean)
      #expect(try gradients[0].floats().allSatisfy { abs($0) < 1e-5 })
    }
  }

  @Test("without events there is nothing to lose")
  func silent() throws {
    let watched = CensoredTimes([1, 2], events: [false, false])
    #expect(try Tensor([3, -2]).coxLoss(watched).scalar() == 0)
  }
}
