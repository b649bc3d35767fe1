// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport
import Testing

extension EngineTests {
  @Suite("Docs/optimal-transport.md, losses and layers")
  struct TransportDocumentTests {
    @Test("its examples run, and a step along the gradient lowers the loss")
    func example() throws {
      let x = try RandomKey(Seed(2)).normal(shape: [20, 2], deviation: 1)
      let y = try x + 2
      let scores = try RandomKey(Seed(3)).normal(shape: [6, 3], deviation: 1)
      let values = try RandomKey(Seed(4)).normal(shape: [6, 3], deviation: 1)

      let map = try ConditionalMap(.init(dimensions: 2, contexts: [1]), key: RandomKey(Seed(1)))
      let fit = TransportLoss(.divergence(Sinkhorn(.epsilon(1))), cost: .euclidean, sides: .first)
      let gap = MongeGapLoss(MongeGap(cost: .euclidean))
      let step = try valueAndGradient(at: map) { map in
        let images = try map(x, context: [[0.5]])
        return try fit(images, y) + gap(x, images)
      }

      let router = SoftAssignment(Sinkhorn(.epsilon(0.1), tolerance: 1e-9))
      let load = try valueAndGradient(at: [scores]) { try (router(-$0[0]) * values).sum() }

      let layer = try CodebookLayer(RandomKey(Seed(5)).normal(shape: [1, 2, 2], deviation: 0.1))
      let coded = try layer(x, assigning: .even)
      let index = try layer.quantizer().codes(of: x.points())

      var moved: [Tensor] = []
      for (own, slope) in zip(map.parameters, step.gradient.parameters) {
        moved.append(try own.tensor - slope.tensor * 0.01)
      }
      let images = try map.replacingParameters(moved)(x, context: [[0.5]])
      #expect(try (fit(images, y) + gap(x, images)).scalar() < step.value.scalar())
      let up = try scores + load.gradients[0] * 0.01
      #expect(try (router(-up) * values).sum().scalar() > load.value.scalar())
      #expect(coded.codes.count { $0 == 0 } == 10 && index.count == 20)
      for sum in try router(-scores).sum([0]).floats() { #expect(abs(sum - 1.0 / 3) < 1e-6) }
    }
  }
}
