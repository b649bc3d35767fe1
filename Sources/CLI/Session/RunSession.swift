// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
package import FerryPeers
import Foundation

/// Where the rooms meet: one peer's part in one run, from its first link to its last round.
///
/// `RunHost` has prepared everything around it: configuration, folder, event log, status board,
/// signals, control and metrics servers. The session only does the work.
package enum RunSession {
  /// How this peer takes part.
  package enum Role: Equatable, Sendable {
    /// The first peer of a new run, or of one resumed from its folder's checkpoints.
    case first(resume: Bool)
    /// Joins a run that goes on.
    case joiner(JoinLine)
    /// Trains alone, without links: the comparison line of the report.
    case alone(resume: Bool)

    /// There are no links.
    package var isAlone: Bool { if case .alone = self { true } else { false } }

    /// Which line of the report this peer's log belongs to; goes into its `started` event.
    package var part: Event.Started.Part { isAlone ? .onePeer : .run }
  }

  /// What a session works with.
  package struct Surroundings: Sendable {
    package let role: Role
    /// A short name for people, as in the report.
    package let name: String
    package let identity: Identity
    package let folder: RunFolder
    package let events: EventLog
    package let board: StatusBoard
    package let stop: StopSignal
    let console: Console

    /// Tells how others join: into `folder.joinLine` (read by the owner only), onto the board, and
    /// to the person at the terminal. Called once, as soon as this peer listens.
    ///
    /// - Throws: `.fileUnwritable`.
    package func announce(_ line: JoinLine) throws {
      try folder.writePrivately(line.text + "\n", to: folder.joinLine)
      board.update { $0.joinLine = line.text }
      switch console.format {
      case .json: console.emit(json: ["join_line": line.text])
      case .text: console.note("Others join with:\n  ferry join '\(line.text)'")
      }
    }
  }

  /// Takes part until the last round or until `stop` is raised.
  ///
  /// Writes events (`started` first, `finished` last), keeps the board up to date, and calls
  /// `announce` as soon as this peer listens.
  ///
  /// - Returns: what the peer did, which is also its `finished` event.
  /// - Throws: a `FerryError` of the room that could not go on.
  package static func run(
    configuration: RunConfiguration, in surroundings: Surroundings
  ) async throws -> Event.Finished {
    try await onThread { try TrainingSession(configuration, in: surroundings).run() }
  }

  /// Text from a checkpoint.
  package struct GenerateRequest: Equatable, Sendable {
    package var checkpoint: String
    package var prompt: String
    /// Bytes to write, at least 1.
    package var count: Int
    /// 0 takes the likeliest byte every time.
    package var temperature: Double
    package var seed: UInt64
  }

  /// Continues a prompt; calls `emit` with each piece as it comes, the prompt not among them.
  /// `began` is called once, when the model is ready.
  package static func generate(
    _ request: GenerateRequest, began: @escaping @Sendable () -> Void = {},
    emit: @Sendable (String) -> Void
  ) async throws {
    let configuration = try CheckpointShelf.configuration(beside: request.checkpoint)
    // The caller's closure outlives no call: the thread ends before this returns.
    let pieces = AsyncStream<String>.makeStream()
    async let written: Void = onThread {
      defer { pieces.continuation.finish() }
      let writer = try TextWriter(request, configuration)
      began()
      try writer.run { pieces.continuation.yield($0) }
    }
    for await piece in pieces.stream { emit(piece) }
    try await written
  }

  /// One checkpoint, as `ferry checkpoint list` prints it.
  package struct CheckpointSummary: Codable, Equatable, Sendable {
    package var path: String
    package var run: String
    package var round: Int
    package var bytes: Int
    package var hash: String
    /// Why it cannot be read; nil when its manifest is sound.
    package var problem: String?

    package init(
      path: String, run: String, round: Int, bytes: Int, hash: String, problem: String? = nil
    ) {
      self.path = path
      self.run = run
      self.round = round
      self.bytes = bytes
      self.hash = hash
      self.problem = problem
    }
  }

  /// The checkpoints in a folder, oldest first.
  package static func checkpoints(in folder: String) throws -> [CheckpointSummary] {
    try CheckpointShelf.list(folder)
  }

  /// What a check of one checkpoint found: each line a claim that was tested.
  package struct Verification: Codable, Equatable, Sendable {
    package var path: String
    package var checks: [Check]

    package init(path: String, checks: [Check]) {
      self.path = path
      self.checks = checks
    }
  }

  /// Recomputes every hash and audits the ledger of consumed samples.
  package static func verify(checkpoint: String) throws -> Verification {
    try CheckpointShelf.verify(checkpoint)
  }

  /// The tensor engine, where it computes, and how a small model did on it.
  ///
  /// - Throws: `.checksFailed` when what it computes is wrong; `LearningError` when it does not.
  package static func engine() throws -> String {
    func wrong(_ what: String) -> CLIError {
      CLIError(
        .checksFailed, what: what, place: "MLX", remedy: "Run `make setup`, then build again.")
    }
    let ones = try Tensor([Float](repeating: 1, count: 4), shape: [2, 2])
    let sum = try (ones + ones).floats()
    guard sum == [2, 2, 2, 2] else { throw wrong("1 + 1 gave \(sum)") }
    // All kernels of training, forwards and back: before it has learnt anything, a model gives all
    // 256 bytes the same chance.
    var learner = try LanguageModelReplica(
      GPT(
        GPTConfiguration(vocabulary: 256, context: 16, layers: 1, width: 32, heads: 2),
        seed: Seed(1)))
    let batch = try TokenBatch(windows: [(0...16).map { Int32($0) }])
    let before = try learner.evaluate([batch])
    for _ in 0..<10 { _ = try learner.step(batch, learningRate: 0.01) }
    let after = try learner.evaluate([batch])
    let (first, last) = (
      Quantity.decimal(before, digits: 2), Quantity.decimal(after, digits: 2)
    )
    guard abs(RunSetup.bits(before) - 8) < 0.5, after < before / 2 else {
      throw wrong("a small model went from a loss of \(first) nats to \(last) in 10 steps")
    }
    let place = Engine.usesGPU ? "GPU" : "CPU, \(Engine.threads) threads"
    return "MLX, \(place); a small model learnt, \(first) to \(last) nats in 10 steps"
  }

  /// Runs blocking work on a thread of its own, so that it holds up no task.
  static func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      let thread = Thread { continuation.resume(with: Result { try body() }) }
      thread.name = "ferry-worker"
      // Deep graphs of the engine recurse.
      thread.stackSize = 16 << 20
      thread.start()
    }
  }
}
