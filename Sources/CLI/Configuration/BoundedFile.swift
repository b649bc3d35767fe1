// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Reads and writes whole small files, with a limit and errors that help.
package enum BoundedFile {
  /// The bytes of a file.
  ///
  /// - Throws: `.fileUnreadable` if it is not there, not a file, or larger than `bytesMax`.
  package static func read(
    _ path: String, bytesMax: Int, remedy: String
  ) throws(CLIError) -> [UInt8] {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CLIError(.fileUnreadable, what: "there is no such file", place: path, remedy: remedy)
    }
    guard !isFolder(path) else {
      throw CLIError(
        .fileUnreadable, what: "this is a folder, not a file", place: path, remedy: remedy)
    }
    let bytes: Foundation.Data
    do {
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? handle.close() }
      // One byte more than allowed tells a file that is too large from one that just fits.
      bytes = try handle.read(upToCount: bytesMax + 1) ?? Foundation.Data()
    } catch {
      throw CLIError(
        .fileUnreadable, what: "cannot be read: \(error.localizedDescription)", place: path,
        remedy: "Check its permissions.")
    }
    guard bytes.count <= bytesMax else {
      throw CLIError(
        .fileUnreadable, what: "larger than \(bytesMax) bytes", place: path,
        remedy: "This is not the kind of file that is expected here.")
    }
    return Array(bytes)
  }

  /// Whether a folder is there, by itself or behind a link.
  package static func isFolder(_ path: String) -> Bool {
    let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let attributes = try? FileManager.default.attributesOfItem(atPath: target)
    return attributes?[.type] as? FileAttributeType == .typeDirectory
  }

  /// Writes a file whole: to a temporary name, then renamed, so that no reader sees half of it.
  ///
  /// - Throws: `.fileUnwritable`.
  package static func write(_ text: String, to path: String) throws(CLIError) {
    try write(Array(text.utf8), to: path)
  }

  /// The same for bytes.
  package static func write(_ bytes: [UInt8], to path: String) throws(CLIError) {
    do {
      try Foundation.Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw CLIError(
        .fileUnwritable, what: "cannot be written: \(error.localizedDescription)", place: path,
        remedy: "Check that the folder exists, can be written, and has space.")
    }
  }
}
