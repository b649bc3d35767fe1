// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// A folder of checkpoints, written so that no crash and no full disk costs more than the newest.
///
/// A checkpoint is a folder `step-00000042`. It is written under another name, every file and then
/// the folder flushed, and renamed; only when the new name is on disk are old ones removed. The
/// file `latest` names the newest for people and scripts; reading does not rely on it. One process
/// writes a folder at a time.
public struct CheckpointStore: Sendable {
  /// Where it is.
  public let folder: String
  /// How many whole checkpoints are kept, at least 1.
  public let keep: Int
  let fileSystem: any FileSystem

  static let manifestFile = "manifest.json"
  static let partialPrefix = ".partial-"
  static let discardPrefix = ".discard-"

  /// Opens a folder, makes it if there is none, and removes what an interrupted write left in it.
  ///
  /// - Parameter keep: how many whole checkpoints are kept, at least 1.
  /// - Throws: `.unwritable`, `.diskFull`.
  public init(
    folder: String, keep: Int = 3, fileSystem: any FileSystem = DiskFileSystem()
  ) throws(CheckpointError) {
    precondition(keep >= 1, "a store that keeps \(keep) checkpoints")
    self.folder = folder
    self.keep = keep
    self.fileSystem = fileSystem
    do throws(FileSystemError) {
      try createDurably(folder)
      for name in try fileSystem.list(folder)
      where name.hasPrefix(Self.partialPrefix) || name.hasPrefix(Self.discardPrefix)
        || name == "latest.partial"
      {
        try fileSystem.removeTree("\(folder)/\(name)")
      }
    } catch {
      throw refusal(error, writing: "the folder of checkpoints", at: folder)
    }
  }

  /// Opens a folder to read only; nothing in it is changed.
  public init(reading folder: String, fileSystem: any FileSystem = DiskFileSystem()) {
    self.folder = folder
    keep = 1
    self.fileSystem = fileSystem
  }

  /// Writes a checkpoint; when it returns, a crash can no longer lose it.
  ///
  /// Then older ones are removed, except the newest `keep` whole ones. A whole checkpoint of the
  /// same step is never overwritten: the new one is `step-00000042.2` beside it.
  /// - Returns: its name.
  /// - Throws: `.diskFull`, `.unwritable`; earlier checkpoints are as they were, and nothing is
  ///   left of the new one.
  @discardableResult
  public func save(_ checkpoint: Checkpoint) throws(CheckpointError) -> String {
    let files: [(name: String, bytes: [UInt8])]
    do throws(TensorError) { files = try checkpoint.files() } catch {
      throw CheckpointError(.unwritable, error.what, at: error.place, remedy: error.remedy)
    }
    let manifest = CheckpointManifest(checkpoint, files: files)
    var writing = "the checkpoint"
    let name: CheckpointName
    let partial: String
    do throws(FileSystemError) {
      name = try freeName(step: checkpoint.metadata.step)
      partial = "\(folder)/\(Self.partialPrefix)\(name)"
      try fileSystem.removeTree(partial)
    } catch {
      throw refusal(error, writing: writing, at: folder)
    }
    do throws(FileSystemError) {
      try fileSystem.createFolder(partial)
      for file in files + [(Self.manifestFile, manifest.encoded())] {
        writing = "\(file.name), \(file.bytes.count) bytes"
        try fileSystem.write(file.bytes, to: "\(partial)/\(file.name)")
        try fileSystem.flush(file: "\(partial)/\(file.name)")
      }
      writing = "the checkpoint"
      try fileSystem.flush(folder: partial)
      try fileSystem.rename(partial, to: "\(folder)/\(name)")
      try fileSystem.flush(folder: folder)
    } catch {
      let refusal = refusal(error, writing: writing, at: "\(folder)/\(name)")
      // What cannot be removed now is removed when the folder is next opened.
      try? fileSystem.removeTree(partial)
      throw refusal
    }
    // The checkpoint is safe from here on; tidying that fails is done again after the next one.
    try? fileSystem.replace("\(folder)/latest", with: Array("\(name)\n".utf8))
    try? prune(newest: name)
    return name.description
  }

  /// Makes a folder and those above it, all of their names durable.
  private func createDurably(_ folder: String) throws(FileSystemError) {
    try fileSystem.createFolder(folder)
    // Of all, as any of them may have been made by a process that stopped, or whose disk failed,
    // before this.
    var path = folder
    while path != ".", path != "/" {
      path = parentFolder(of: path)
      do throws(FileSystemError) {
        try fileSystem.flush(folder: path)
      } catch {
        // One that may not be read cannot be flushed, and has been there for long.
        guard error.cause == .denied else { throw error }
      }
    }
  }

  /// The names of all checkpoints, whole or not, newest first; none where there is no folder.
  ///
  /// - Throws: `.unreadable`.
  public func names() throws(CheckpointError) -> [String] {
    do throws(FileSystemError) { return try ordered().map(\.description) } catch {
      if error.cause == .missing { return [] }
      throw unreadable(error)
    }
  }

  func ordered() throws(FileSystemError) -> [CheckpointName] {
    try fileSystem.list(folder).compactMap(CheckpointName.init).sorted(by: >)
  }

  private func freeName(step: UInt64) throws(FileSystemError) -> CheckpointName {
    let taken = try ordered().filter { $0.step == step }.map(\.edition).max() ?? 0
    return CheckpointName(step: step, edition: taken + 1)
  }

  /// Removes checkpoints older than the newest `keep` whole ones; the newest is known to be whole.
  private func prune(newest: CheckpointName) throws(FileSystemError) {
    var whole = 0
    var doomed: [CheckpointName] = []
    for name in try ordered() {
      if whole >= keep {
        doomed.append(name)
      } else if name == newest || looksWhole(name) {
        whole += 1
      }
    }
    guard whole >= 1, !doomed.isEmpty else { return }
    for name in doomed {
      let discard = "\(folder)/\(Self.discardPrefix)\(name)"
      // Renamed first, so that a half-removed folder is never taken for a checkpoint.
      try fileSystem.rename("\(folder)/\(name)", to: discard)
      try fileSystem.removeTree(discard)
    }
    try fileSystem.flush(folder: folder)
  }

  /// Whether the manifest is sound and the files are as long as it says; their bytes are not read.
  private func looksWhole(_ name: CheckpointName) -> Bool {
    let place = "\(folder)/\(name)"
    guard let manifest = try? manifest(at: place) else { return false }
    return manifest.files.allSatisfy {
      (try? fileSystem.kind(of: "\(place)/\($0.name)")) == .file(byteCount: $0.byteCount)
    }
  }

  private func refusal(
    _ error: FileSystemError, writing what: String, at place: String
  ) -> CheckpointError {
    let newest = (try? ordered())?.first.map { "the newest is \($0)" } ?? "there is none yet"
    let kept = "Earlier checkpoints are as they were (\(newest))"
    return error.cause == .full
      ? CheckpointError(
        .diskFull, "no space left while writing \(what)", at: place,
        remedy: "\(kept); free some space and go on.")
      : CheckpointError(
        .unwritable, "cannot write \(what): \(error.reason)", at: place,
        remedy: "\(kept); check the folder and its permissions.")
  }
}

/// `step-00000042`, or `step-00000042.2` for a second one of that step.
struct CheckpointName: Hashable, Comparable, CustomStringConvertible {
  let step: UInt64
  let edition: Int

  init(step: UInt64, edition: Int) {
    self.step = step
    self.edition = edition
  }

  init?(_ text: String) {
    guard text.hasPrefix("step-") else { return nil }
    let parts = text.dropFirst(5).split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let step = UInt64(parts[0]) else { return nil }
    self.step = step
    edition = parts.count == 2 ? Int(parts[1]) ?? 0 : 1
    // Only what we would write ourselves: `step-7` and `step-00000042.1` are someone else's.
    guard edition >= 1, description == text else { return nil }
  }

  var description: String {
    let digits = String(step)
    let padded = String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    return "step-\(padded)" + (edition > 1 ? ".\(edition)" : "")
  }

  static func < (a: CheckpointName, b: CheckpointName) -> Bool {
    (a.step, a.edition) < (b.step, b.edition)
  }
}
