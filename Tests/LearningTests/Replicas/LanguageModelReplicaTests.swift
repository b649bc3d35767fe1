// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

extension EngineTests {
  @Suite("A language-model replica")
  struct LanguageModelReplicaTests {
    static let configuration = GPTConfiguration(
      vocabulary: 50, context: 24, layers: 2, width: 32, heads: 4)

    static func batch(_ number: Int, rows: Int = 3, time: Int = 24) throws -> TokenBatch {
      try TokenBatch(
        windows: (0..<rows).map { row in
          (0...time).map { Int32(($0 * 7 + row * 11 + number * 5) % 50) }
        })
    }

    static func trained(_ steps: Int, seed: UInt64 = 1) throws -> LanguageModelReplica {
      var replica = try LanguageModelReplica(GPT(configuration, seed: Seed(seed)))
      for step in 0..<steps { _ = try replica.step(batch(step), learningRate: 1e-2) }
      return replica
    }

    @Test("learns a pattern")
    func learns() throws {
      var replica = try Self.trained(0)
      let before = try replica.evaluate([Self.batch(0)])
      for _ in 0..<30 { _ = try replica.step(Self.batch(0), learningRate: 1e-2) }
      #expect(try replica.evaluate([Self.batch(0)]) < before - 1)
    }

    /// In a process of its own: the number of threads is the whole process's, and must not change
    /// under other tests that compute.
    @Test("gives the same bits in two runs, and with 1, 2 and 3 threads")
    func deterministic() async {
      await #expect(processExitsWith: .success) {
        var runs: [[Float]] = []
        for threads in [1, 2, 2, 3] {
          try Engine.configure(threads: threads)
          runs.append(try EngineTests.LanguageModelReplicaTests.trained(5).readParameters())
        }
        #expect(Set(runs).count == 1)
        #expect(
          try EngineTests.LanguageModelReplicaTests.trained(5, seed: 2).readParameters() != runs[0])
      }
    }

    @Test("a step is its gradient, applied")
    func stepIsGradientAndApply() throws {
      var (a, b) = (try Self.trained(2), try Self.trained(2))
      let step = try a.step(Self.batch(9), learningRate: 3e-3)
      let (gradient, loss) = try b.gradient(Self.batch(9))
      try b.apply(gradient: gradient, learningRate: 3e-3)
      #expect(loss == step.loss)
      #expect(try a.readParameters() == b.readParameters())
      #expect(try a.optimizerState() == b.optimizerState())
    }

    @Test("goes on from saved state to the bit")
    func resumes() throws {
      var original = try Self.trained(3)
      var resumed = try Self.trained(0, seed: 77)
      try resumed.writeParameters(original.readParameters())
      try resumed.restoreOptimizer(original.optimizerState(), steps: original.optimizerSteps)
      for step in 3..<6 {
        _ = try original.step(Self.batch(step), learningRate: 1e-2)
        _ = try resumed.step(Self.batch(step), learningRate: 1e-2)
      }
      #expect(try original.readParameters() == resumed.readParameters())
      #expect(try original.optimizerState() == resumed.optimizerState())
    }

    @Test("a copy does not change when the original steps")
    func copies() throws {
      var original = try Self.trained(1)
      let copy = original
      let before = try copy.readParameters()
      let state = try copy.optimizerState()
      _ = try original.step(Self.batch(4), learningRate: 1e-2)
      #expect(try copy.readParameters() == before)
      #expect(try copy.optimizerState() == state)
      #expect(try original.readParameters() != before)
    }

    @Test("reads and writes parts of the flat run")
    func parts() throws {
      var replica = try Self.trained(0)
      let all = try replica.readParameters()
      #expect(all.count == Self.configuration.parameterCount)
      let range = 1000..<9000
      #expect(try replica.readParameters(in: range) == Array(all[range]))
      try replica.writeParameters([1, 2, 3], at: 1599)
      // Over the border of two parameters.
      var expected = all
      expected.replaceSubrange(1599..<1602, with: [1, 2, 3])
      #expect(try replica.readParameters() == expected)
    }

    @Test("names its parameters in a fixed order")
    func names() throws {
      let names = try Self.trained(0).layout.entries.map(\.name)
      #expect(
        Array(names.prefix(6)) == [
          "tokens.weight", "positions.weight", "blocks.0.norm1.weight", "blocks.0.norm1.bias",
          "blocks.0.attention.qkv.weight", "blocks.0.attention.qkv.bias",
        ])
      #expect(names.last == "head.weight")
    }

    @Test("a loss that is not finite is an error that changes nothing")
    func notFinite() throws {
      var replica = try Self.trained(2)
      var broken = try replica.readParameters()
      broken[broken.count - 1] = .nan
      try replica.writeParameters(broken)
      let state = try replica.optimizerState()
      let error = try #require(throws: LearningError.self) {
        _ = try replica.step(Self.batch(0), learningRate: 0.25)
      }
      #expect(
        "\(error)"
          == "not-finite: the loss is nan (inner step 3 at learning rate 0.25). "
          + "Lower the learning rate or clip gradients; nothing was changed by this step.")
      #expect(try replica.optimizerState() == state)
      #expect(replica.optimizerSteps == 2)
    }

    @Test("damaged parameters are an error in evaluation and generation")
    func damaged() throws {
      var replica = try Self.trained(0)
      try replica.writeParameters([.nan], at: replica.layout.count - 1)
      let evaluation = try #require(throws: LearningError.self) {
        _ = try replica.evaluate([Self.batch(0)])
      }
      #expect(
        "\(evaluation)"
          == "not-finite: the loss is nan (evaluation after 0 inner steps). "
          + "The parameters are damaged; use an earlier checkpoint.")
      let generation = try #require(throws: LearningError.self) {
        _ = try replica.model.generate(after: [1], count: 3, sampling: Sampling())
      }
      #expect(
        "\(generation)"
          == "not-finite: the model's logits are not finite after 0 tokens (generate). "
          + "The parameters are damaged; use an earlier checkpoint.")
    }

    @Test("state of another model is refused and changes nothing")
    func foreignState() throws {
      var replica = try Self.trained(1)
      let (before, state) = (try replica.readParameters(), try replica.optimizerState())
      let short = try #require(throws: LearningError.self) {
        try replica.writeParameters([1, 2, 3])
      }
      #expect(
        "\(short)"
          == "state-mismatch: 3 numbers for \(before.count) parameters (parameters). "
          + "Use the state of a model of the same configuration.")
      let missing = try #require(throws: LearningError.self) {
        try replica.restoreOptimizer(Array(state.dropFirst()), steps: 1)
      }
      #expect(
        "\(missing)"
          == "state-mismatch: the state has no first-moment.tokens.weight of [50, 32] in its place "
          + "(optimizer). Use the state of a model of the same configuration.")
      #expect(try replica.readParameters() == before)
      #expect(try replica.optimizerState() == state)
    }

    @Test("a token outside the vocabulary is an error")
    func strangeToken() throws {
      var replica = try Self.trained(0)
      let error = try #require(throws: LearningError.self) {
        _ = try replica.step(try TokenBatch(windows: [[1, 2, 50]]), learningRate: 1e-3)
      }
      #expect(
        "\(error)"
          == "token-out-of-range: token 50 with a vocabulary of 50 (batch). "
          + "Use the tokenizer that belongs to this model.")
    }
  }
}
