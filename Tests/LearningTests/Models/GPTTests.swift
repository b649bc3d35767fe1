// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

extension EngineTests {
  @Suite("GPT")
  struct GPTTests {
    struct GoldenGPT: Codable {
      struct Parameter: Codable {
        let name: String
        let shape: [Int]
        let values: [Double]
      }
      let configuration: GPTConfiguration
      let windows: [[Int32]]
      let loss: Double
      let parameters: [Parameter]
      let gradients: [GoldenArray]
    }

    @Test("loss and every gradient agree with PyTorch in f64", arguments: Engine.Kernels.allCases)
    func golden(kernels: Engine.Kernels) throws {
      Engine.use(kernels)
      defer { Engine.use(.best) }
      let golden = try Golden.read("gpt", as: GoldenGPT.self)
      var gpt = try GPT(golden.configuration, seed: Seed(1))
      #expect(gpt.parameters.map(\.name) == golden.parameters.map(\.name))
      try gpt.setParameters(
        golden.parameters.map { try Tensor($0.values.map { Float($0) }, shape: $0.shape) })
      let batch = try TokenBatch(windows: golden.windows)
      let tokens = try Tensor(integers: batch.tokens, shape: [batch.rows, batch.time])
      let targets = try Tensor(integers: batch.targets, shape: [batch.rows, batch.time])
      let result = try valueAndGradient(at: gpt) { try $0.loss(tokens: tokens, targets: targets) }
      #expect(abs(Double(try result.value.scalar()) - golden.loss) < 2e-6 * golden.loss)
      for (found, expected) in zip(result.gradient.parameters, golden.gradients) {
        #expect(try Golden.distance(found.tensor, expected) < 4e-6, "\(found.name), \(kernels)")
      }
    }

    static let small = GPTConfiguration(vocabulary: 17, context: 8, layers: 2, width: 16, heads: 2)

    @Test("counts its parameters without making them")
    func count() throws {
      #expect(try GPT(Self.small, seed: Seed(1)).parameterCount == Self.small.parameterCount)
    }

    @Test("starts at the loss of a uniform guess")
    func start() throws {
      let replica = try LanguageModelReplica(GPT(Self.small, seed: Seed(1)))
      let loss = try replica.evaluate([try TokenBatch(windows: [[1, 5, 9, 2, 0, 16, 7, 3, 3]])])
      #expect(abs(loss - 2.833) < 0.05)
    }

    @Test("sees nothing of later tokens")
    func causal() throws {
      let gpt = try GPT(Self.small, seed: Seed(3))
      let a = try gpt.logits(Tensor(integers: [1, 2, 3, 4, 5], shape: [1, 5])).floats()
      let b = try gpt.logits(Tensor(integers: [1, 2, 3, 9, 9], shape: [1, 5])).floats()
      #expect(a[..<(3 * 17)] == b[..<(3 * 17)])
      #expect(a[(3 * 17)...] != b[(3 * 17)...])
    }

    @Test(
      "refuses sizes that make no model",
      arguments: [
        (
          GPTConfiguration(vocabulary: 17, context: 8, layers: 0, width: 16, heads: 2),
          "bad-configuration: layers is 0 (GPT). Use 1 to 1048576."
        ),
        (
          GPTConfiguration(vocabulary: 17, context: 8, layers: 1, width: 16, heads: 3),
          "bad-configuration: 3 heads do not divide a width of 16 (GPT). "
            + "Choose a width that is a multiple of the number of heads."
        ),
      ])
    func refuses(configuration: GPTConfiguration, message: String) throws {
      let error = try #require(throws: LearningError.self) {
        _ = try GPT(configuration, seed: Seed(1))
      }
      #expect("\(error)" == message)
    }
  }
}
