// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryCollectives
public import FerryLearning

extension TrainerState {
  private static let sharedPrefix = "shared."

  /// This moment as a checkpoint: the model's parameters by name and shape, the ledger on its own.
  ///
  /// Other shared tensors are flat and named `shared.…`. What was dealt and not consumed is left
  /// out: after a restart it is dealt again.
  /// - Parameters:
  ///   - layout: of the replica.
  ///   - parityHash: the digest of the shared state that the members compared.
  /// - Throws: when the shared state's note does not decode.
  public func checkpoint(
    layout: ParameterLayout, run: String, seed: Seed, configurationDigest: String,
    parityHash: String, textFingerprint: String
  ) throws -> Checkpoint {
    let note = try StateNote(shared)
    let book = try note.decodedBook()
    return Checkpoint(
      metadata: CheckpointMetadata(
        run: run, round: shared.round, step: book.steps, seed: seed.value,
        configurationDigest: configurationDigest, parityHash: parityHash,
        textFingerprint: textFingerprint),
      tensors: shared.tensors.flatMap { name, values in
        name == StrategyState.parametersName
          ? layout.split(values)
          : [NamedTensor(name: Self.sharedPrefix + name, values: values)]
      },
      local: own.tensors,
      localWords: [
        NamedWords(name: "shared-note", values: Self.words(note.strategy)),
        NamedWords(name: "own-note", values: Self.words(own.note)),
      ],
      ledger: book.ledger)
  }

  /// Back from a checkpoint.
  ///
  /// - Parameter place: what errors call the checkpoint.
  /// - Throws: `CheckpointError.mismatch`, naming the tensors, when the model is another;
  ///   `.stateMismatch` when its notes are damaged.
  public init(
    _ checkpoint: Checkpoint, layout: ParameterLayout, place: String = "checkpoint"
  ) throws {
    let others = checkpoint.tensors.filter { $0.name.hasPrefix(Self.sharedPrefix) }
    try checkpoint.requireFit(
      layout.entries.map { ($0.name, $0.shape) } + others.map { ($0.name, $0.shape) },
      place: place)
    let byName = Dictionary(
      checkpoint.tensors.map { ($0.name, $0.values) }, uniquingKeysWith: { first, _ in first })
    let parameters = layout.entries.flatMap { byName[$0.name]! }
    let book = RunBook(steps: checkpoint.metadata.step, ledger: checkpoint.ledger)
    let note = StateNote(
      book: book.bytes, strategy: try Self.bytes("shared-note", of: checkpoint, place))
    self.init(
      shared: SharedState(
        round: checkpoint.metadata.round,
        tensors: [(StrategyState.parametersName, parameters)]
          + others.map { (String($0.name.dropFirst(Self.sharedPrefix.count)), $0.values) },
        note: note.bytes),
      own: StrategyState(
        tensors: checkpoint.local, note: try Self.bytes("own-note", of: checkpoint, place)))
  }

  /// A count of bytes, then the bytes, eight to a word, little-endian.
  private static func words(_ bytes: [UInt8]) -> [UInt64] {
    var words = [UInt64](repeating: 0, count: 1 + (bytes.count + 7) / 8)
    words[0] = UInt64(bytes.count)
    for (i, byte) in bytes.enumerated() { words[1 + i / 8] |= UInt64(byte) << UInt64(i % 8 * 8) }
    return words
  }

  private static func bytes(
    _ name: String, of checkpoint: Checkpoint, _ place: String
  ) throws(StrategyError) -> [UInt8] {
    guard let words = checkpoint.localWords.first(where: { $0.name == name })?.values,
      let count = words.first, count <= UInt64(StateNote.strategyBytesMax),
      words.count == 1 + (Int(count) + 7) / 8
    else {
      throw StrategyError(
        .stateMismatch, "\(name) is missing or has the wrong size", place: place,
        remedy: "Use an older checkpoint, or start a new run.")
    }
    return (0..<Int(count)).map { i in
      UInt8(truncatingIfNeeded: words[1 + i / 8] >> UInt64(i % 8 * 8))
    }
  }
}
