// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryStrategies
import Foundation

/// What a configuration means: the text, the model, and what all peers must have alike.
struct RunSetup {
  let configuration: RunConfiguration
  let corpus: Corpus
  let replica: TextReplica
  let digest: String

  init(_ configuration: RunConfiguration) throws {
    self.configuration = configuration
    let cores = ProcessInfo.processInfo.activeProcessorCount
    try Engine.configure(threads: configuration.compute.threads ?? cores)
    corpus = try Self.corpus(configuration)
    let seed = Seed(configuration.run.seed)
    let model = try GPT(configuration.model.gpt, seed: seed.derived("parameters"))
    let optimizer = AdamW(.init(weightDecay: Float(configuration.train.weightDecay)))
    let learner = try LanguageModelReplica(
      model, optimizer: optimizer, gradientNormMax: configuration.train.clip.map { Float($0) })
    let data = try WindowDataset(
      corpus, context: configuration.model.context, seed: seed.derived("data"))
    replica = TextReplica(learner, data: data)
    digest = configuration.resolved.digest(facts: ["text": corpus.fingerprint.description])
  }

  static func corpus(_ configuration: RunConfiguration) throws -> Corpus {
    let path: String
    switch configuration.data.text {
    case .path(let given): path = given
    case .kingJames:
      let cache = DataFolder.path(environment: ProcessInfo.processInfo.environment)
      path = try TextSource.fetch(named: "kjv", cache: cache) {
        FileHandle.standardError.write(Foundation.Data("\($0)\n".utf8))
      }
    }
    return try Corpus(path: path, validationFraction: configuration.data.validation)
  }

  /// Bytes are tokens, so that nats per token over ln 2 are bits per byte.
  static func bits(_ nats: Double) -> Double { nats / 0.693_147_180_559_945_3 }

  var codec: CodecKind {
    switch configuration.train.codec {
    case .int8: .int8
    case .int8Stochastic: .int8Stochastic
    case .int4: .int4
    case .int4Stochastic: .int4Stochastic
    case .topK: .topK
    case .bf16: .bfloat16
    case .f32: .float32
    }
  }

  func groupSettings(alone: Bool) -> GroupLogic.Settings {
    var settings = GroupLogic.Settings(
      codec: codec, seed: Seed(configuration.run.seed).derived("rounds"),
      membersMin: alone ? 1 : configuration.run.peersMin)
    settings.charter = RunCharter(self).bytes
    return settings
  }

  func trainerOptions<S: Strategy>() -> Trainer<S, TextReplica>.Options {
    let train = configuration.train
    let stepsPerRound = UInt64(train.strategy == .diloco ? train.innerSteps : 1)
    let rounds = UInt64(configuration.run.rounds)
    let steps = rounds * stepsPerRound
    return Trainer<S, TextReplica>.Options(
      batchSize: train.batch, roundLast: rounds,
      learningRate: LearningRate(
        peak: Float(train.learningRate), warmupSteps: min(UInt64(train.warmup), steps),
        decay: .cosine(until: steps, floor: 0.1)),
      stepsPerRound: stepsPerRound, saveEvery: UInt64(configuration.checkpoint.every ?? 0))
  }
}

extension RunConfiguration.Model {
  var gpt: GPTConfiguration {
    GPTConfiguration(
      vocabulary: Corpus.vocabularySize, context: context, layers: layers, width: width,
      heads: heads)
  }
}
