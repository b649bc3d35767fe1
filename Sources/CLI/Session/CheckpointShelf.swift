// SPDX-License-Identifier: Apache-2.0

import FerryLearning
import Foundation

/// Finds and judges what runs keep on disk.
enum CheckpointShelf {
  /// The checkpoint meant: itself, or the newest in a folder of checkpoints or of a run.
  ///
  /// - Throws: `.runNotFound` when there is none.
  static func find(_ path: String) throws -> (store: CheckpointStore, name: String) {
    let url = URL(fileURLWithPath: path).standardizedFileURL
    if url.lastPathComponent.hasPrefix("step-"), isFolder(url.path) {
      let store = CheckpointStore(reading: url.deletingLastPathComponent().path)
      return (store, url.lastPathComponent)
    }
    let store = try open(path)
    guard let newest = try store.names().first else { throw notFound(path) }
    return (store, newest)
  }

  /// The checkpoints of a folder, oldest first; those with a damaged manifest say why.
  static func list(_ path: String) throws -> [RunSession.CheckpointSummary] {
    let store = try open(path)
    return try store.list().reversed().map { name, manifest in
      let path = "\(store.folder)/\(name)"
      switch manifest {
      case .success(let manifest):
        return RunSession.CheckpointSummary(
          path: path, run: manifest.metadata.run, round: Int(clamping: manifest.metadata.round),
          bytes: manifest.files.reduce(0) { $0 + $1.byteCount },
          hash: manifest.metadata.parityHash)
      case .failure(let error):
        return RunSession.CheckpointSummary(
          path: path, run: "–", round: 0, bytes: 0, hash: "–", problem: error.what)
      }
    }
  }

  /// Every claim of a checkpoint, tested.
  static func verify(_ path: String) throws -> RunSession.Verification {
    let (store, name) = try find(path)
    let audit = try store.verify(name)
    let remedy = "An earlier checkpoint may be whole: ferry checkpoint list \(store.folder)"
    var checks: [Check] = []
    if let manifest = audit.manifest {
      checks.append(
        .ok("manifest", "run \(manifest.metadata.run), round \(manifest.metadata.round)"))
      for file in manifest.files {
        let problem = audit.problems.first { $0.hasPrefix("\(file.name): ") }
        checks.append(
          problem.map { .fail("hash", $0, remedy: remedy) }
            ?? .ok("hash", "\(file.name), \(file.byteCount) bytes, sha256 \(file.sha256)"))
      }
    }
    let files = audit.manifest?.files.map(\.name) ?? []
    for problem in audit.problems where !files.contains(where: { problem.hasPrefix("\($0): ") }) {
      checks.append(.fail("contents", problem, remedy: remedy))
    }
    if let ledger = audit.ledger {
      let count = "\(ledger.consumedCount) samples in \(ledger.roundCount) rounds"
      let waiting = ledger.holes.reduce(0) { $0 + $1.count }
      if ledger.isClean {
        checks.append(
          .ok("ledger", "\(count), none lost, none twice; \(waiting) to be given out again"))
      }
      for problem in ledger.problems { checks.append(.fail("ledger", problem, remedy: remedy)) }
    }
    return RunSession.Verification(path: "\(store.folder)/\(name)", checks: checks)
  }

  // MARK: The configuration beside checkpoints

  /// Writes what the run was configured to, so that its checkpoints can be used without flags.
  ///
  /// - Throws: `.fileUnwritable`.
  static func keep(_ configuration: RunConfiguration, in folder: RunFolder) throws {
    var text = "# As this run was configured, all sources put together.\n"
    for section in ConfigurationKey.sections {
      text += "\n[\(section.name)]\n"
      for key in ConfigurationKey.all where key.section == section.name {
        text += "\(key.name) = \(configuration.resolved[key.path].value)\n"
      }
    }
    var places = [folder.configuration]
    if let elsewhere = configuration.checkpoint.folder {
      try? FileManager.default.createDirectory(
        atPath: elsewhere, withIntermediateDirectories: true)
      places.append("\(elsewhere)/run.toml")
    }
    for place in places { try folder.writePrivately(text, to: place) }
  }

  /// The `run.toml` of the run a checkpoint belongs to: beside it, or one folder further up.
  ///
  /// - Throws: `.runNotFound` when there is none.
  static func configuration(beside path: String) throws -> RunConfiguration {
    let (store, name) = try find(path)
    let above = URL(fileURLWithPath: store.folder).deletingLastPathComponent().path
    for place in ["\(store.folder)/run.toml", "\(above)/run.toml"]
    where FileManager.default.fileExists(atPath: place) {
      return try ConfigurationLoader.reading(path: place, environment: [:], settings: []).load()
    }
    throw CLIError(
      .runNotFound, what: "there is no run.toml that says what the model is",
      place: "\(store.folder)/\(name)",
      remedy: "Copy the run's run.toml into \(store.folder).")
  }

  // MARK: Private parts

  private static func open(_ path: String) throws -> CheckpointStore {
    guard isFolder(path) else { throw notFound(path) }
    let inner = RunFolder(path: path).checkpoints
    return CheckpointStore(reading: isFolder(inner) ? inner : path)
  }

  private static func isFolder(_ path: String) -> Bool {
    let url = URL(fileURLWithPath: path)
    return (try? url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) == true
  }

  private static func notFound(_ path: String) -> CLIError {
    CLIError(
      .runNotFound, what: "there is no checkpoint here", place: path,
      remedy: "Name a checkpoint, or the folder of a run: the one `ferry train` printed.")
  }
}
