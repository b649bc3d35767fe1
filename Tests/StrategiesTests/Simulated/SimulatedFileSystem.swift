// SPDX-License-Identifier: Apache-2.0

import FerryLearning
import FerrySimulation
import Synchronization

/// Folders on a `SimulatedDisk`, which knows only names: it fails and loses power as that does.
///
/// An entry is a file whose first byte says what it is. A folder's entry holds the folder's number,
/// and its names are kept under that number, so that renaming a folder is one step, as on a disk.
/// A real disk makes a folder in one step or not at all; here a loss of power may leave a part of the
/// entry, which counts as none.
final class SimulatedFileSystem: FileSystem {
  private let disk: SimulatedDisk
  /// Of the next folder; the disk outlives the processes that use it, and so does this.
  private let next = Mutex(1)

  init(_ disk: SimulatedDisk) { self.disk = disk }

  /// The folder that holds a path's last name, and that name.
  private func locate(_ path: String, _ operation: FileSystemError.Operation)
    throws(FileSystemError) -> (folder: String, name: String)
  {
    let parts = path.split(separator: "/").map(String.init)
    var folder = "0"
    for part in parts.dropLast() { folder = try number(of: part, in: folder, path, operation) }
    return (folder, parts.last ?? "")
  }

  /// What a folder's entry holds in whole.
  private func entry(of number: Int) -> [UInt8] {
    let digits = String(number)
    return [1] + Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
  }

  private func isFolder(_ entry: [UInt8]) -> Bool { entry.first == 1 && entry.count == 9 }

  private func number(
    of name: String, in folder: String, _ path: String, _ operation: FileSystemError.Operation
  ) throws(FileSystemError) -> String {
    let bytes = try on(path, operation) { () throws(DiskFault) in
      try disk.read("\(folder)/\(name)")
    }
    guard isFolder(bytes) else {
      throw FileSystemError(operation, path: path, reason: "\(name) is no folder", .missing)
    }
    return String(decoding: bytes.dropFirst(), as: UTF8.self)
  }

  private func folder(_ path: String, _ operation: FileSystemError.Operation)
    throws(FileSystemError) -> String
  {
    let (above, name) = try locate(path, operation)
    return name.isEmpty ? "0" : try number(of: name, in: above, path, operation)
  }

  private func on<Result>(
    _ path: String, _ operation: FileSystemError.Operation,
    _ body: () throws(DiskFault) -> Result
  ) throws(FileSystemError) -> Result {
    do throws(DiskFault) { return try body() } catch {
      switch error {
      case .notFound:
        throw FileSystemError(operation, path: path, reason: "not found", .missing)
      case .full: throw FileSystemError(operation, path: path, reason: "disk full", .full)
      case .inputOutput, .powerLost:
        throw FileSystemError(operation, path: path, reason: "the disk failed")
      }
    }
  }

  func kind(of path: String) throws(FileSystemError) -> FileKind? {
    if path == "/" { return .folder }
    do throws(FileSystemError) {
      let (folder, name) = try locate(path, .read)
      let bytes = try on(path, .read) { () throws(DiskFault) in
        try disk.read("\(folder)/\(name)")
      }
      if isFolder(bytes) { return .folder }
      return bytes.first == 1 ? nil : .file(byteCount: max(0, bytes.count - 1))
    } catch {
      if error.cause == .missing { return nil }
      throw error
    }
  }

  func list(_ path: String) throws(FileSystemError) -> [String] {
    let folder = try folder(path, .list)
    return disk.list(folder).map { String($0.dropFirst(folder.count + 1)) }
  }

  func read(_ path: String, byteCountMax: Int) throws(FileSystemError) -> [UInt8] {
    let (folder, name) = try locate(path, .read)
    let bytes = try on(path, .read) { () throws(DiskFault) in try disk.read("\(folder)/\(name)") }
    // A power loss may have left a name without any of its bytes.
    guard bytes.count <= byteCountMax + 1 else {
      throw FileSystemError(.read, path: path, reason: "too large", .tooLarge)
    }
    return Array(bytes.dropFirst())
  }

  func createFolder(_ path: String) throws(FileSystemError) {
    var above = ""
    for part in path.split(separator: "/") {
      above += "/\(part)"
      switch try kind(of: above) {
      case .folder: continue
      case .file(let byteCount) where byteCount > 0:
        throw FileSystemError(.create, path: above, reason: "is a file")
      case .file, nil: break
      }
      let (folder, name) = try locate(above, .create)
      let number = next.withLock { number in
        defer { number += 1 }
        return number
      }
      let entry = "\(folder)/\(name)"
      do throws(FileSystemError) {
        try on(above, .create) { () throws(DiskFault) in
          try disk.write(self.entry(of: number), to: entry)
          try disk.flush(entry)
        }
      } catch {
        // Removing fails by chance, too, and would leave a whole entry that was never flushed.
        for _ in 0..<16 where disk.exists(entry) { try? disk.remove(entry) }
        throw error
      }
    }
  }

  func write(_ bytes: [UInt8], to path: String) throws(FileSystemError) {
    let (folder, name) = try locate(path, .write)
    try on(path, .write) { () throws(DiskFault) in
      try disk.write([0] + bytes, to: "\(folder)/\(name)")
    }
  }

  func flush(file path: String) throws(FileSystemError) {
    let (folder, name) = try locate(path, .flush)
    try on(path, .flush) { () throws(DiskFault) in try disk.flush("\(folder)/\(name)") }
  }

  func flush(folder path: String) throws(FileSystemError) {
    let folder = try folder(path, .flush)
    try on(path, .flush) { () throws(DiskFault) in try disk.flushDirectory(folder) }
  }

  func rename(_ path: String, to newPath: String) throws(FileSystemError) {
    let (from, old) = try locate(path, .rename)
    let (to, new) = try locate(newPath, .rename)
    try on(path, .rename) { () throws(DiskFault) in
      try disk.rename("\(from)/\(old)", to: "\(to)/\(new)")
    }
  }

  func remove(_ path: String) throws(FileSystemError) {
    let (folder, name) = try locate(path, .remove)
    try on(path, .remove) { () throws(DiskFault) in try disk.remove("\(folder)/\(name)") }
  }
}
