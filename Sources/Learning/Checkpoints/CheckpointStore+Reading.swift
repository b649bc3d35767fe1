// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

extension CheckpointStore {
  /// A checkpoint that was read, and newer ones that could not be.
  public struct Loaded: Sendable {
    public let name: String
    public let checkpoint: Checkpoint
    /// Newer ones that were passed over, and why.
    public let skipped: [(name: String, reason: CheckpointError)]
  }

  /// What `ferry checkpoint verify` found in one checkpoint.
  public struct Audit: Sendable {
    public let name: String
    /// Nil when the manifest itself is damaged.
    public let manifest: CheckpointManifest?
    /// Nil when the ledger cannot be read.
    public let ledger: LedgerAudit?
    /// What is wrong with it; empty when it is whole.
    public let problems: [String]

    /// Whether it can be resumed from.
    public var isWhole: Bool { problems.isEmpty }
  }

  /// The newest checkpoint that is whole; nil when there are none at all.
  ///
  /// - Throws: `.noneReadable` when there are some and none is whole; `.unreadable`.
  public func loadNewest() throws(CheckpointError) -> Loaded? {
    var skipped: [(name: String, reason: CheckpointError)] = []
    for name in try names() {
      do throws(CheckpointError) {
        return Loaded(name: name, checkpoint: try load(name), skipped: skipped)
      } catch { skipped.append((name, error)) }
    }
    guard let newest = skipped.first else { return nil }
    throw CheckpointError(
      .noneReadable,
      "none of \(skipped.count) checkpoints can be read; the newest: \(newest.reason.what)",
      at: "\(folder)/\(newest.name)",
      remedy: "Run 'ferry checkpoint verify' for each; to begin anew, name another folder.")
  }

  /// One checkpoint by name, every byte of it checked.
  ///
  /// - Throws: `.missing`, `.damaged`, `.unsupported`, `.unreadable`.
  public func load(_ name: String) throws(CheckpointError) -> Checkpoint {
    let place = "\(folder)/\(name)"
    guard CheckpointName(name) != nil else { throw missing(name) }
    let manifest = try manifest(at: place)
    var files: [String: [UInt8]] = [:]
    for file in manifest.files { files[file.name] = try contents(of: file, at: place) }
    let checkpoint: Checkpoint
    do {
      checkpoint = try Checkpoint(metadata: manifest.metadata, files: files, place: place)
    } catch let error as TensorError {
      throw damaged(error.what, at: error.place)
    } catch let error as DataError {
      throw damaged(error.what, at: error.place)
    } catch {
      throw damaged("\(error)", at: place)
    }
    let consumed = checkpoint.ledger.consumed.count
    guard consumed == manifest.samplesConsumed else {
      throw damaged(
        "the ledger has \(consumed) samples, the manifest \(manifest.samplesConsumed)", at: place)
    }
    return checkpoint
  }

  /// The manifests of all checkpoints, newest first, or why there is none: for listing, so files'
  /// bytes are not read.
  ///
  /// - Throws: `.unreadable`.
  public func list() throws(CheckpointError)
    -> [(name: String, manifest: Result<CheckpointManifest, CheckpointError>)]
  {
    try names().map { name in
      let place = "\(folder)/\(name)"
      do throws(CheckpointError) { return (name, .success(try manifest(at: place))) } catch {
        return (name, .failure(error))
      }
    }
  }

  /// Reads everything of one checkpoint and says all that is wrong with it.
  ///
  /// - Throws: `.missing`.
  public func verify(_ name: String) throws(CheckpointError) -> Audit {
    let place = "\(folder)/\(name)"
    guard CheckpointName(name) != nil, (try? fileSystem.kind(of: place)) == .folder else {
      throw missing(name)
    }
    var problems: [String] = []
    let manifest: CheckpointManifest
    do throws(CheckpointError) { manifest = try self.manifest(at: place) } catch {
      return Audit(
        name: name, manifest: nil, ledger: nil, problems: ["\(Self.manifestFile): \(error.what)"])
    }
    var ledger: LedgerAudit?
    for file in manifest.files {
      do throws(CheckpointError) {
        let bytes = try contents(of: file, at: place)
        guard file.name == Checkpoint.ledgerFile else { continue }
        do throws(DataError) { ledger = try SampleLedger(decoding: bytes).audit() } catch {
          problems.append("\(file.name): \(error.what)")
        }
      } catch { problems.append("\(file.name): \(error.what)") }
    }
    if problems.isEmpty {
      do throws(CheckpointError) { _ = try load(name) } catch { problems.append(error.what) }
    }
    return Audit(name: name, manifest: manifest, ledger: ledger, problems: problems)
  }

  func manifest(at place: String) throws(CheckpointError) -> CheckpointManifest {
    let path = "\(place)/\(Self.manifestFile)"
    let bytes: [UInt8]
    do throws(FileSystemError) {
      bytes = try fileSystem.read(path, byteCountMax: CheckpointManifest.byteCountMax)
    } catch {
      if error.cause == .missing { throw damaged("there is no manifest", at: path) }
      if error.cause == .tooLarge { throw damaged("the manifest has \(error.reason)", at: path) }
      throw unreadable(error)
    }
    return try CheckpointManifest(decoding: bytes, place: path)
  }

  private func contents(
    of file: CheckpointManifest.File, at place: String
  ) throws(CheckpointError) -> [UInt8] {
    let path = "\(place)/\(file.name)"
    let kind: FileKind?
    do throws(FileSystemError) { kind = try fileSystem.kind(of: path) } catch {
      throw unreadable(error)
    }
    switch kind {
    case .file(file.byteCount): break
    case .file(let byteCount):
      let verdict = byteCount < file.byteCount ? "cut off" : "too long"
      throw damaged(
        "the file is \(verdict): it has \(byteCount) bytes of \(file.byteCount)", at: path)
    default: throw damaged("the file is missing", at: path)
    }
    let bytes: [UInt8]
    do throws(FileSystemError) {
      bytes = try fileSystem.read(path, byteCountMax: file.byteCount)
    } catch {
      throw unreadable(error)
    }
    guard ContentHash(of: bytes) == file.sha256 else {
      throw damaged("the file's bytes are not those that were written", at: path)
    }
    return bytes
  }

  private func missing(_ name: String) -> CheckpointError {
    CheckpointError(
      .missing, "there is no checkpoint \(name)", at: folder,
      remedy: "Run 'ferry checkpoint list' for those there are.")
  }

  private func damaged(_ what: String, at place: String) -> CheckpointError {
    CheckpointError(
      .damaged, what, at: place, remedy: "An earlier checkpoint may be whole; resume from that.")
  }

  func unreadable(_ error: FileSystemError) -> CheckpointError {
    CheckpointError(
      .unreadable, "cannot read it: \(error.reason)", at: error.path,
      remedy: "Check the path and its permissions.")
  }
}
