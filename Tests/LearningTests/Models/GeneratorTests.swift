// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

extension EngineTests {
  @Suite("Generation")
  struct GeneratorTests {
    /// Counts 0, 1, … 9, 0, … after a little training.
    static let counting: LanguageModelReplica = {
      let configuration = GPTConfiguration(
        vocabulary: 10, context: 12, layers: 1, width: 32, heads: 2)
      // The configuration is valid and the batch fits, so nothing is thrown.
      var replica = try! LanguageModelReplica(GPT(configuration, seed: Seed(5)))
      let batch = try! TokenBatch(
        windows: (0..<8).map { row in (0...12).map { Int32(($0 + row) % 10) } })
      for _ in 0..<60 { _ = try! replica.step(batch, learningRate: 1e-2) }
      return replica
    }()

    @Test("goes on as it has learned, beyond its context")
    func counts() throws {
      let tokens = try Self.counting.model.generate(
        after: [3, 4, 5], count: 20, sampling: Sampling(temperature: 0))
      #expect(tokens == (6..<26).map { Int32($0 % 10) })
    }

    @Test("draws the same tokens from the same seed, others from another")
    func seeded() throws {
      let gpt = try GPT(Self.counting.model.configuration, seed: Seed(1))
      let runs = try [7, 7, 8].map { seed in
        try gpt.generate(
          after: [1], count: 30, sampling: Sampling(temperature: 1, top: nil, seed: Seed(seed)))
      }
      #expect(runs[0] == runs[1])
      #expect(runs[0] != runs[2])
    }

    @Test("draws among the likeliest only")
    func top() throws {
      let gpt = try GPT(Self.counting.model.configuration, seed: Seed(1))
      let likeliest = try gpt.generate(
        after: [1], count: 12, sampling: Sampling(temperature: 0))
      let one = try gpt.generate(
        after: [1], count: 12, sampling: Sampling(temperature: 9, top: 1, seed: Seed(3)))
      #expect(one == likeliest)
    }

    @Test("stops when asked to")
    func stops() throws {
      let tokens = try Self.counting.model.generate(
        after: [], count: 20, sampling: Sampling(temperature: 0)
      ) { $0 != 3 }
      #expect(tokens == [1, 2, 3])
    }

    @Test("a strange token in the prompt is an error")
    func strange() throws {
      let error = try #require(throws: LearningError.self) {
        _ = try Self.counting.model.generate(after: [10], count: 1, sampling: Sampling())
      }
      #expect(
        "\(error)"
          == "token-out-of-range: token 10 with a vocabulary of 10 (generate). "
          + "Use the tokenizer that belongs to this model.")
    }
  }
}
