// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation

/// The folder in which a machine keeps what recipes run on: `digits8/digits.csv`, `survival/…`.
public struct DataShelf: Sendable {
  /// The folder.
  public let folder: String
  /// Tests' own small files by `key/name`, in place of a folder's, and not hashed.
  private let made: [String: [UInt8]]?

  /// A shelf at this path, which need not be there yet; see `DataFolder.path(environment:)`.
  public init(folder: String) {
    self.folder = folder
    made = nil
  }

  /// A shelf that holds these bytes by `key/name`, for tests.
  package init(made: [String: [UInt8]]) {
    folder = "made"
    self.made = made
  }

  /// The longest file that is kept, in bytes.
  public static let fileBytesMax = 64 << 20

  /// How an item stands on the shelf.
  public enum State: String, Sendable, Codable {
    /// All its files are there, with their hashes.
    case whole
    /// Some file is not there.
    case missing
    /// Some file has another hash.
    case damaged
  }

  /// Whether all of an item's files are there, without reading them.
  public func has(_ item: DataItem) -> Bool {
    item.files.allSatisfy { file in
      made.map { $0["\(item.key)/\(file.name)"] != nil }
        ?? FileManager.default.fileExists(atPath: path(of: file, in: item))
    }
  }

  /// How an item stands, by reading and hashing all of it.
  public func state(of item: DataItem) -> State {
    guard has(item) else { return .missing }
    for file in item.files {
      do throws(RecipeError) { _ = try bytes(of: file, in: item) } catch { return .damaged }
    }
    return .whole
  }

  /// Where a file is kept.
  public func path(of file: DataItem.File, in item: DataItem) -> String {
    "\(folder)/\(item.key)/\(file.name)"
  }

  /// The bytes of a file, which have its hash.
  ///
  /// - Throws: `.dataMissing`, `.dataDamaged`.
  public func bytes(of file: DataItem.File, in item: DataItem) throws(RecipeError) -> [UInt8] {
    if let made {
      guard let bytes = made["\(item.key)/\(file.name)"] else { throw Self.missing([item], self) }
      return bytes
    }
    let path = path(of: file, in: item)
    guard has(item) else { throw Self.missing([item], self) }
    let bytes: [UInt8]
    do {
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? handle.close() }
      // One byte more than expected tells a file that is too long from a whole one.
      bytes = Array(try handle.read(upToCount: file.byteCount + 1) ?? Data())
    } catch {
      throw RecipeError(
        .dataMissing, "cannot be read: \(error.localizedDescription)", at: path,
        remedy: "Check its permissions, or name another folder with --data.")
    }
    if let trouble = file.trouble(with: bytes, hash: file.kept) {
      throw RecipeError(
        .dataDamaged, trouble, at: path,
        remedy: "Bring it again: ferry recipe data fetch \(item.key).")
    }
    return bytes
  }

  /// That some items are not on a shelf.
  static func missing(_ items: [DataItem], _ shelf: DataShelf) -> RecipeError {
    let keys = items.map(\.key)
    let named = keys.joined(separator: " and ")
    return RecipeError(
      .dataMissing, "\(named) \(keys.count == 1 ? "is" : "are") not there", at: shelf.folder,
      remedy: "Run: ferry recipe data fetch \(keys.joined(separator: " ")); or name the folder "
        + "that has it with --data.")
  }
}

extension DataItem.File {
  /// What is wrong with bytes that should have a hash; nil where nothing is.
  func trouble(with bytes: [UInt8], hash: ContentHash) -> String? {
    if hash == kept, bytes.count != byteCount {
      return bytes.count > byteCount
        ? "longer than its \(byteCount) bytes" : "has \(bytes.count) of \(byteCount) bytes"
    }
    let found = ContentHash(of: bytes)
    return found == hash ? nil : "has SHA-256 \(found), expected \(hash)"
  }
}
