// SPDX-License-Identifier: Apache-2.0

import FerryLearning
import Testing

extension EngineTests {
  @Suite("Optimizers")
  struct OptimizerTests {
    struct GoldenOptimizers: Codable {
      let start: [GoldenArray]
      let gradients: [[GoldenArray]]
      let rates: [Float]
      let adamw: [GoldenArray]
      let sgd: [GoldenArray]
      let momentum: [GoldenArray]
      let nesterov: [GoldenArray]
      let norm: Double
      let clipped: [GoldenArray]
    }

    @Test("agree with PyTorch in f64 over six steps", arguments: Engine.Kernels.allCases)
    func golden(kernels: Engine.Kernels) throws {
      Engine.use(kernels)
      defer { Engine.use(.best) }
      let golden = try Golden.read("optimizers", as: GoldenOptimizers.self)
      let adamw = AdamW.Options(beta1: 0.75, beta2: 0.9375, epsilon: 1 / 1024, weightDecay: 0.25)
      let runs: [(any Optimizer, [GoldenArray])] = [
        (AdamW(adamw), golden.adamw),
        (SGD(), golden.sgd),
        (SGD(.init(momentum: 0.875, weightDecay: 0.125)), golden.momentum),
        (SGD(.init(momentum: 0.875, lookAhead: .nesterov)), golden.nesterov),
      ]
      for (start, expected) in runs {
        var optimizer = start
        var parameters = try golden.start.map { try $0.tensor }
        let kept = parameters
        for (gradients, rate) in zip(golden.gradients, golden.rates) {
          try optimizer.step(
            &parameters, gradients: try gradients.map { try $0.tensor }, learningRate: rate,
            gradientScale: 1)
        }
        for (found, expected) in zip(parameters, expected) {
          #expect(try Golden.distance(found, expected) < 2e-6, "\(type(of: optimizer)), \(kernels)")
        }
        #expect(optimizer.steps == 6)
        // Whoever held the first parameters still sees them.
        for (kept, start) in zip(kept, golden.start) {
          #expect(try Golden.distance(kept, start) == 0)
        }
      }
    }

    @Test("clipping keeps the direction and limits the norm, as PyTorch does")
    func clipping() throws {
      let golden = try Golden.read("optimizers", as: GoldenOptimizers.self)
      let gradients = try golden.gradients[0].map { try $0.tensor }
      let norm = try globalNorm(gradients)
      #expect(abs(norm - golden.norm) < 1e-6 * golden.norm)
      let scale = clippingScale(norm: norm, normMax: 1.5)
      for (gradient, expected) in zip(gradients, golden.clipped) {
        #expect(try Golden.distance(gradient * scale, expected) < 2e-6)
      }
      #expect(clippingScale(norm: 1, normMax: 1.5) == 1)
      #expect(clippingScale(norm: 9, normMax: nil) == 1)
    }

    @Test("refuses state that is another optimizer's")
    func foreignState() throws {
      var optimizer = AdamW()
      let error = try #require(throws: LearningError.self) {
        try optimizer.restore([OptimizerSlot(name: "velocity", tensors: [])], steps: 3)
      }
      #expect(
        "\(error)"
          == "state-mismatch: state of [\"velocity\"] after 3 steps (optimizer). "
          + "This optimizer has [\"first-moment\", \"second-moment\"]; restore what it saved.")
    }
  }
}
