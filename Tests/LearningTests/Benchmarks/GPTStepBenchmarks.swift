// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Foundation
import Testing

extension EngineTests {
  /// Times one training step. Tiny by default; `FERRY_BENCH=1` takes the GPT of `Tools/bench`.
  @Suite("GPT step benchmark")
  struct GPTStepBenchmarks {
    @Test("a training step, timed")
    func step() throws {
      let environment = ProcessInfo.processInfo.environment
      let full = environment["FERRY_BENCH"] != nil
      let threads = Int(environment["FERRY_BENCH_THREADS"] ?? "") ?? 2
      let repeats = Int(environment["FERRY_BENCH_REPEATS"] ?? "") ?? (full ? 10 : 1)
      try Engine.configure(threads: threads)
      defer { try? Engine.configure(threads: 2) }
      let configuration =
        full
        ? GPTConfiguration(vocabulary: 512, context: 256, layers: 4, width: 256, heads: 8)
        : GPTConfiguration(vocabulary: 64, context: 16, layers: 1, width: 32, heads: 2)
      let rows = full ? 8 : 2
      var replica = try LanguageModelReplica(
        GPT(configuration, seed: Seed(1)), gradientNormMax: nil)
      let batch = try TokenBatch(
        windows: (0..<rows).map { row in
          (0...configuration.context).map {
            Int32((row * configuration.context + $0) * 7919 % configuration.vocabulary)
          }
        })
      let clock = ContinuousClock()
      var milliseconds: [Double] = []
      var loss: Float = 0
      for index in 0..<repeats + (full ? 3 : 1) {
        let time = try clock.measure { loss = try replica.step(batch, learningRate: 1e-3).loss }
        if index >= (full ? 3 : 1) { milliseconds.append(time / .milliseconds(1)) }
      }
      milliseconds.sort()
      print(
        "{\"bench\":\"gpt-step\",\"engine\":\"ferry\",\"threads\":\(threads),\"loss\":\(loss),"
          + "\"millisecondsMin\":\(milliseconds[0]),"
          + "\"millisecondsMedian\":\(milliseconds[milliseconds.count / 2])}")
      #expect(loss.isFinite)
    }
  }
}
