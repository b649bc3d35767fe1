// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Whole numbers of a checkpoint: counters and the state of random generators.
public struct NamedWords: Hashable, Sendable {
  public let name: String
  public let values: [UInt64]

  public init(name: String, values: [UInt64]) {
    self.name = name
    self.values = values
  }
}

/// What a checkpoint says about itself. Holds no time, so that equal states give equal files.
public struct CheckpointMetadata: Codable, Hashable, Sendable {
  /// The run it belongs to.
  public let run: String
  /// Rounds that were committed when it was taken.
  public let round: UInt64
  /// Inner steps that were taken; it names the checkpoint.
  public let step: UInt64
  /// The run's seed.
  public let seed: UInt64
  /// A digest of the run's configuration, as the caller forms it.
  public let configurationDigest: String
  /// The hash of the shared state that all members of the round compared.
  public let parityHash: String
  /// SHA-256 of the text.
  public let textFingerprint: String

  public init(
    run: String, round: UInt64, step: UInt64, seed: UInt64, configurationDigest: String,
    parityHash: String, textFingerprint: String
  ) {
    self.run = run
    self.round = round
    self.step = step
    self.seed = seed
    self.configurationDigest = configurationDigest
    self.parityHash = parityHash
    self.textFingerprint = textFingerprint
  }
}

/// All that a peer needs to go on where it was: shared state, its own, and the samples consumed.
public struct Checkpoint: Hashable, Sendable {
  public let metadata: CheckpointMetadata
  /// The shared state, equal on all members: `model.safetensors`.
  public let tensors: [NamedTensor]
  /// This peer's own: moments of its inner optimizer. In `local.safetensors`.
  public let local: [NamedTensor]
  /// This peer's own: counters, generators. Also in `local.safetensors`, as U64.
  public let localWords: [NamedWords]
  /// What was consumed: `ledger.bin`.
  public let ledger: SampleLedger

  public init(
    metadata: CheckpointMetadata, tensors: [NamedTensor], local: [NamedTensor] = [],
    localWords: [NamedWords] = [], ledger: SampleLedger
  ) {
    self.metadata = metadata
    self.tensors = tensors
    self.local = local
    self.localWords = localWords
    self.ledger = ledger
  }

  /// The most differences that an error names.
  private static let differencesShownMax = 5

  /// Checks that the shared state has exactly these names and shapes, in any order.
  ///
  /// - Parameter place: what errors call the checkpoint.
  /// - Throws: `.mismatch`, which names the first differences.
  public func requireFit(
    _ layout: [(name: String, shape: [Int])], place: String = "checkpoint"
  ) throws(CheckpointError) {
    let here = Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first }
    var differences: [String] = []
    for (name, shape) in layout {
      if let found = here[name] {
        if found != shape { differences.append("\(name) is \(found), the model's is \(shape)") }
      } else {
        differences.append("the checkpoint has no \(name) \(shape)")
      }
    }
    let wanted = Set(layout.map(\.name))
    for tensor in tensors where !wanted.contains(tensor.name) {
      differences.append("the model has no \(tensor.name) \(tensor.shape)")
    }
    if differences.isEmpty { return }
    let shown = differences.prefix(Self.differencesShownMax).joined(separator: "; ")
    let more = differences.count - Self.differencesShownMax
    throw CheckpointError(
      .mismatch,
      "the model does not fit: \(shown)" + (more > 0 ? "; and \(more) more differences" : ""),
      at: place,
      remedy: "Use the configuration the checkpoint was written with, or start a new run.")
  }
}

extension Checkpoint {
  /// The names of the files, in the order they are written; the manifest comes after them.
  static let modelFile = "model.safetensors"
  static let localFile = "local.safetensors"
  static let ledgerFile = "ledger.bin"

  func files() throws(TensorError) -> [(name: String, bytes: [UInt8])] {
    var model: [Safetensors.Named] = []
    for tensor in tensors { model.append((tensor.name, try Self.host(tensor))) }
    var own: [Safetensors.Named] = []
    for tensor in local { own.append((tensor.name, try Self.host(tensor))) }
    for words in localWords { own.append((words.name, HostTensor(words.values))) }
    return [
      (Self.modelFile, try Safetensors.encode(model, metadata: ["format": "ferry"])),
      (Self.localFile, try Safetensors.encode(own, metadata: ["format": "ferry"])),
      (Self.ledgerFile, ledger.encoded()),
    ]
  }

  private static func host(_ tensor: NamedTensor) throws(TensorError) -> HostTensor {
    HostTensor(tensor.values, shape: try Shape(tensor.shape))
  }

  /// Reads what `files()` gave; `place` is the folder.
  init(
    metadata: CheckpointMetadata, files: [String: [UInt8]], place: String
  ) throws {
    let model = try Safetensors.decode(
      files[Self.modelFile] ?? [], path: "\(place)/\(Self.modelFile)")
    let own = try Safetensors.decode(
      files[Self.localFile] ?? [], path: "\(place)/\(Self.localFile)")
    self.metadata = metadata
    tensors = try model.tensors.map(Self.named)
    local = try own.tensors.filter { $0.tensor.elementType != .u64 }.map(Self.named)
    localWords = try own.tensors.filter { $0.tensor.elementType == .u64 }.map {
      NamedWords(name: $0.name, values: try $0.tensor.values(of: UInt64.self))
    }
    ledger = try SampleLedger(
      decoding: files[Self.ledgerFile] ?? [], place: "\(place)/\(Self.ledgerFile)")
  }

  private static func named(_ entry: Safetensors.Named) throws -> NamedTensor {
    NamedTensor(
      name: entry.name, shape: entry.tensor.shape.dimensions, values: try entry.tensor.floats())
  }
}
