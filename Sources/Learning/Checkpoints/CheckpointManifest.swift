// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import Foundation

/// A checkpoint's `manifest.json`: what the other files are, so that a torn one is noticed.
public struct CheckpointManifest: Codable, Hashable, Sendable {
  /// A file of the checkpoint.
  public struct File: Codable, Hashable, Sendable {
    public let name: String
    public let byteCount: Int
    public let sha256: ContentHash
  }

  /// The format that this program writes; it reads no other.
  public static let formatVersion = 1
  /// The most bytes that are read as a manifest.
  public static let byteCountMax = 1 << 20

  /// The format's version.
  public let format: Int
  public let metadata: CheckpointMetadata
  /// Samples consumed, as the ledger counts them.
  public let samplesConsumed: UInt64
  /// The files beside it.
  public let files: [File]
  /// SHA-256 of the manifest itself with zeros in this place.
  public private(set) var seal: ContentHash

  private static let unsealed = ContentHash(bytes: [UInt8](repeating: 0, count: 32))!

  init(_ checkpoint: Checkpoint, files: [(name: String, bytes: [UInt8])]) {
    format = Self.formatVersion
    metadata = checkpoint.metadata
    samplesConsumed = checkpoint.ledger.consumed.count
    self.files = files.map {
      File(name: $0.name, byteCount: $0.bytes.count, sha256: ContentHash(of: $0.bytes))
    }
    seal = Self.unsealed
    seal = ContentHash(of: encoded())
  }

  /// Reads and checks a manifest; `place` is its path.
  ///
  /// - Throws: `.damaged`, `.unsupported`.
  package init(decoding bytes: [UInt8], place: String) throws(CheckpointError) {
    func damaged(_ what: String) -> CheckpointError {
      CheckpointError(
        .damaged, what, at: place, remedy: "An earlier checkpoint may be whole; resume from that.")
    }
    struct Version: Decodable { let format: Int }
    let decoder = JSONDecoder()
    guard let version = try? decoder.decode(Version.self, from: Data(bytes)) else {
      throw damaged("the manifest is not one")
    }
    guard version.format == Self.formatVersion else {
      throw CheckpointError(
        .unsupported, "format \(version.format); this program reads format \(Self.formatVersion)",
        at: place, remedy: "Use the version of Ferry that wrote it.")
    }
    guard let read = try? decoder.decode(Self.self, from: Data(bytes)) else {
      throw damaged("the manifest is not one")
    }
    self = read
    var open = self
    open.seal = Self.unsealed
    guard ContentHash(of: open.encoded()) == seal else {
      throw damaged("the manifest is not what was written")
    }
    let expected = [Checkpoint.modelFile, Checkpoint.localFile, Checkpoint.ledgerFile]
    guard files.map(\.name) == expected else {
      throw damaged("the manifest lists other files than a checkpoint has")
    }
  }

  package func encoded() -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do { return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")] } catch {
      preconditionFailure("strings and whole numbers have a JSON form: \(error)")
    }
  }
}
