// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Foundation

/// The texts that `ferry data fetch` brought, and those a user names by path.
package struct TextShelf: Sendable {
  /// A text that is there.
  package struct Entry: Codable, Equatable, Sendable {
    package var name: String
    package var path: String
    package var bytes: Int
  }

  /// The most files in a folder of texts.
  package static let filesMax = 100_000

  /// Where fetched texts are kept.
  package let folder: String

  package init(environment: [String: String]) {
    folder = DataFolder.path(environment: environment)
  }

  /// The texts on the shelf, by name.
  package func entries() -> [Entry] {
    TextSource.all.compactMap { try? locate(.path("\(folder)/\($0.name).txt")) }.map {
      Entry(
        name: URL(fileURLWithPath: $0.path).deletingPathExtension().lastPathComponent,
        path: $0.path, bytes: $0.bytes)
    }
  }

  /// Finds a text, and how large it is, without reading it.
  ///
  /// - Throws: `.fileUnreadable` when it is not there, cannot be read, or is empty.
  package func locate(_ text: RunConfiguration.Data.Text) throws(CLIError) -> Entry {
    switch text {
    case .kingJames:
      let path = "\(folder)/kjv.txt"
      guard FileManager.default.fileExists(atPath: path) else {
        throw CLIError(
          .fileUnreadable, what: "the text \"kjv\" has not been fetched yet", place: path,
          remedy: "Run `ferry data fetch`, or name a text of your own in data.text.")
      }
      return try measure(path, name: "kjv")
    case .path(let path):
      let whole = URL(fileURLWithPath: (path as NSString).expandingTildeInPath).path
      return try measure(whole, name: URL(fileURLWithPath: whole).lastPathComponent)
    }
  }

  private func measure(_ path: String, name: String) throws(CLIError) -> Entry {
    let manager = FileManager.default
    guard manager.fileExists(atPath: path) else {
      throw CLIError(
        .fileUnreadable, what: "there is no such text", place: path,
        remedy: "Set data.text to a text file or a folder of them, or run `ferry data fetch`.")
    }
    guard manager.isReadableFile(atPath: path) else {
      throw CLIError(
        .fileUnreadable, what: "the text cannot be read", place: path,
        remedy: "Check its permissions.")
    }
    let bytes = BoundedFile.isFolder(path) ? folderBytes(path) : fileBytes(path)
    guard bytes > 0 else {
      throw CLIError(
        .fileUnreadable, what: "the text is empty", place: path,
        remedy: "Set data.text to a text with some thousand bytes at least.")
    }
    return Entry(name: name, path: path, bytes: bytes)
  }

  private func fileBytes(_ path: String) -> Int {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return (attributes?[.size] as? NSNumber)?.intValue ?? 0
  }

  private func folderBytes(_ path: String) -> Int {
    guard let names = FileManager.default.enumerator(atPath: path) else { return 0 }
    var sum = 0
    var count = 0
    for case let name as String in names {
      let attributes = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
      guard attributes?[.type] as? FileAttributeType == .typeRegular else { continue }
      sum += (attributes?[.size] as? NSNumber)?.intValue ?? 0
      count += 1
      if count == Self.filesMax { break }
    }
    return sum
  }

  /// Brings a text, unless it is there already with the right checksum.
  ///
  /// - Parameter tell: is told what is being done.
  /// - Throws: `DataError`, with another way to get a text.
  package func fetch(_ name: String, tell: (String) -> Void) throws -> Entry {
    let path = try TextSource.fetch(named: name, cache: folder, progress: tell)
    return Entry(name: name, path: path, bytes: fileBytes(path))
  }
}
