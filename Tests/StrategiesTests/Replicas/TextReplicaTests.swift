// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryStrategies
import Testing

@Suite("Text replica", .serialized)
struct TextReplicaTests {
  static func replica() throws -> TextReplica {
    // Words in a fixed order with a drifting pattern: little to learn, but something.
    let words = ["ferry ", "carries ", "tensors ", "across ", "the ", "river. "]
    var chance = SplitMix64(Seed(3))
    var text = ""
    for _ in 0..<1500 { text += words[Int(chance.next() % 6)] }
    let corpus = try Corpus(bytes: Array(text.utf8), name: "toy")
    let model = try GPT(
      GPTConfiguration(vocabulary: 256, context: 16, layers: 1, width: 16, heads: 2),
      seed: Seed(1))
    return TextReplica(
      try LanguageModelReplica(model), data: try WindowDataset(corpus, context: 16, seed: Seed(2)))
  }

  static func trainer<S: Strategy>(
    _ number: UInt8, _ strategy: S, rounds: UInt64 = 100
  ) throws -> Trainer<S, TextReplica> {
    Trainer(
      me: .toy(number), replica: try replica(), strategy: strategy,
      options: .init(
        batchSize: 4, roundLast: rounds, learningRate: LearningRate(peak: 0.01), saveEvery: 2))
  }

  @Test("a GPT on text learns with DiLoCo, and all members hold the same bits")
  func learns() throws {
    var group = try LoopbackGroup(
      founders: (1...2).map { try Self.trainer($0, DiLoCo(localSteps: 5)) })
    let before = try group.trainers[.toy(1)]!.replica.validationLoss(rows: 4, windows: 12)
    for _ in 0..<12 {
      try group.run()
      #expect(group.digests.count == 1)
    }
    let after = try group.trainers[.toy(2)]!.replica.validationLoss(rows: 4, windows: 12)
    #expect(before > 5 && after < 3.3)
  }

  @Test("data-parallel members stay equal, optimizer included")
  func dataParallel() throws {
    var group = try LoopbackGroup(founders: (1...2).map { try Self.trainer($0, DataParallel()) })
    for _ in 0..<5 {
      try group.run()
      #expect(group.digests.count == 1)
    }
  }

  /// Two runs: one goes on, the other from a checkpoint that was on disk; both hold the same bits.
  private func resumes<S: Strategy>(_ strategy: S) throws {
    var group = try LoopbackGroup(founders: [try Self.trainer(1, strategy)])
    for _ in 0..<2 { try group.run() }
    let saved = group.saved[.toy(1)]!
    let layout = group.trainers[.toy(1)]!.replica.layout
    let checkpoint = try saved.checkpoint(
      layout: layout, run: "toy", seed: Seed(1), configurationDigest: "", parityHash: "",
      textFingerprint: "")
    #expect(checkpoint.metadata.round == 2)
    // Through a file system: files keep tensors in an order of their own.
    let store = try CheckpointStore(folder: "/kept", fileSystem: MemoryFileSystem())
    let back = try TrainerState(try store.load(try store.save(checkpoint)), layout: layout)
    var again = LoopbackGroup<S, TextReplica>()
    try again.resume(try Self.trainer(1, strategy), from: back)
    for _ in 0..<2 {
      try group.run()
      try again.run()
      #expect(group.states[.toy(1)]!.bits == again.states[.toy(1)]!.bits)
    }
    let optimizers = try [group, again].map {
      try $0.trainers[.toy(1)]!.replica.optimizerState()
    }
    #expect(optimizers[0] == optimizers[1])
  }

  @Test("a checkpoint on disk and back is the same moment, to the bit, with DiLoCo")
  func checkpoint() throws { try resumes(DiLoCo(localSteps: 3)) }

  @Test("a checkpoint on disk and back is the same moment, to the bit, with data-parallel")
  func dataParallelCheckpoint() throws { try resumes(DataParallel()) }

  @Test("a checkpoint of another model is refused by name and shape")
  func otherModel() throws {
    var group = try LoopbackGroup(founders: [try Self.trainer(1, DiLoCo(localSteps: 1))])
    for _ in 0..<2 { try group.run() }
    let layout = group.trainers[.toy(1)]!.replica.layout
    let checkpoint = try group.saved[.toy(1)]!.checkpoint(
      layout: layout, run: "toy", seed: Seed(1), configurationDigest: "", parityHash: "",
      textFingerprint: "")
    let wider = ParameterLayout(
      layout.entries.map { ($0.name, $0.name.hasPrefix("blocks") ? $0.shape : $0.shape + [2]) })
    #expect(throws: CheckpointError.self) { try TrainerState(checkpoint, layout: wider) }
  }
}
