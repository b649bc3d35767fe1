// SPDX-License-Identifier: Apache-2.0

import FerryLearning
package import FerryTensors
import Foundation

/// The tensors that a path names: of a safetensors file, an npy file, a folder of npy files, or a
/// checkpoint (of a folder of checkpoints or of a run, the newest).
package struct TensorShelf: Parity.Source {
  /// What was read, with the round where there is one.
  package let title: String
  package let tensors: [TensorDescription]
  private let read: @Sendable (String) throws(TensorError) -> HostTensor

  package func tensor(_ name: String) throws(TensorError) -> HostTensor { try read(name) }

  /// - Parameter local: of a checkpoint also what is the peer's own: moments, counters, generators.
  /// - Throws: `.runNotFound` when there is nothing here that holds tensors; what the files throw.
  package init(_ path: String, local: Bool) throws {
    let url = URL(fileURLWithPath: path).standardizedFileURL
    let isFolder = (try? url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) == true
    switch url.pathExtension {
    case "safetensors" where !isFolder:
      let file = try SafetensorsFile(path: path)
      self.init(title: path, tensors: file.tensors) { name throws(TensorError) in
        try file.tensor(name)
      }
    case "npy" where !isFolder:
      // Compared with another file, the name of neither matters.
      try self.init(title: path, arrays: [("array", path)])
    default:
      guard isFolder else { throw Self.nothing(path) }
      let names = try FileManager.default.contentsOfDirectory(atPath: path)
        .filter { $0.hasSuffix(".npy") }.sorted()
      if names.isEmpty {
        try self.init(checkpoint: path, local: local)
      } else {
        try self.init(
          title: path, arrays: names.map { (String($0.dropLast(4)), "\(path)/\($0)") })
      }
    }
  }

  private init(
    title: String, tensors: [TensorDescription],
    read: @escaping @Sendable (String) throws(TensorError) -> HostTensor
  ) {
    self.title = title
    self.tensors = tensors
    self.read = read
  }

  private init(title: String, held: [(name: String, tensor: HostTensor)]) {
    let byName = Dictionary(held) { first, _ in first }
    let tensors = held.map {
      TensorDescription(
        name: $0.name, elementType: $0.tensor.elementType, shape: $0.tensor.shape)
    }
    self.init(title: title, tensors: tensors) { name throws(TensorError) in byName[name]! }
  }

  private init(title: String, arrays: [(name: String, path: String)]) throws {
    self.init(title: title, held: try arrays.map { ($0.name, try Npy.read($0.path)) })
  }

  private init(checkpoint path: String, local: Bool) throws {
    let (store, name) = try CheckpointShelf.find(path)
    let checkpoint = try store.load(name)
    func held(_ tensors: [NamedTensor]) throws -> [(name: String, tensor: HostTensor)] {
      try tensors.map { ($0.name, HostTensor($0.values, shape: try Shape($0.shape))) }
    }
    var all = try held(checkpoint.tensors)
    all.append(("ledger", HostTensor(checkpoint.ledger.encoded())))
    if local {
      all += try held(checkpoint.local).map { ("local/\($0.name)", $0.tensor) }
      all += checkpoint.localWords.map { ("local/\($0.name)", HostTensor($0.values)) }
    }
    self.init(
      title: "\(store.folder)/\(name), round \(checkpoint.metadata.round)", held: all)
  }

  private static func nothing(_ path: String) -> CLIError {
    CLIError(
      .runNotFound, what: "there is nothing here that holds tensors", place: path,
      remedy: "Name a .safetensors or .npy file, a folder of .npy files, a checkpoint or a run.")
  }
}
