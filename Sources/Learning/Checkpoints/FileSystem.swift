// SPDX-License-Identifier: Apache-2.0

/// What checkpoints need from a disk, so that tests can stand in for one that fills up or crashes.
///
/// Paths are plain strings with `/`. A name is durable, which means it survives a crash, only after
/// its folder was flushed; a file's bytes only after the file was.
public protocol FileSystem: Sendable {
  /// What is at a path; nil when nothing is.
  func kind(of path: String) throws(FileSystemError) -> FileKind?
  /// Names in a folder, in the order of their bytes.
  func list(_ folder: String) throws(FileSystemError) -> [String]
  /// All bytes of a file, at most this many.
  func read(_ path: String, byteCountMax: Int) throws(FileSystemError) -> [UInt8]
  /// Makes a folder and those above it; no error when it is there.
  func createFolder(_ path: String) throws(FileSystemError)
  /// Makes the file hold these bytes and no others. Not yet durable.
  func write(_ bytes: [UInt8], to path: String) throws(FileSystemError)
  /// Makes a file's bytes durable.
  func flush(file path: String) throws(FileSystemError)
  /// Makes the names in a folder durable.
  func flush(folder path: String) throws(FileSystemError)
  /// Gives a file or folder another name in the same folder, in one step; replaces a file.
  func rename(_ path: String, to newPath: String) throws(FileSystemError)
  /// Removes a file or an empty folder.
  func remove(_ path: String) throws(FileSystemError)
}

/// What a path leads to.
public enum FileKind: Hashable, Sendable {
  case file(byteCount: Int)
  case folder
}

/// Why the file system refused, before anyone knows what it means for the run.
public struct FileSystemError: Error, Hashable, Sendable {
  /// What was being done.
  public enum Operation: String, Sendable {
    case read, list, create, write, flush, rename, remove
  }
  /// The causes that callers treat apart.
  public enum Cause: Sendable {
    /// `denied`: this process may not do it, or this kind of folder or disk does not know it.
    case missing, full, tooLarge, denied, other
  }

  public let operation: Operation
  public let path: String
  /// The system's words: "No space left on device".
  public let reason: String
  public let cause: Cause

  public init(_ operation: Operation, path: String, reason: String, _ cause: Cause = .other) {
    self.operation = operation
    self.path = path
    self.reason = reason
    self.cause = cause
  }
}

extension FileSystem {
  /// Removes a folder and everything in it; no error when it is not there.
  package func removeTree(_ path: String) throws(FileSystemError) {
    switch try kind(of: path) {
    case nil: return
    case .file: try remove(path)
    case .folder:
      for name in try list(path) { try removeTree(path + "/" + name) }
      try remove(path)
    }
  }

  /// Writes a small file so that its name holds all of it or what was there before, durably.
  package func replace(_ path: String, with bytes: [UInt8]) throws(FileSystemError) {
    let partial = path + ".partial"
    do throws(FileSystemError) {
      try write(bytes, to: partial)
      try flush(file: partial)
      try rename(partial, to: path)
    } catch {
      try? remove(partial)
      throw error
    }
    try flush(folder: parentFolder(of: path))
  }
}

/// The folder that a path is in: "." for a bare name.
package func parentFolder(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}
