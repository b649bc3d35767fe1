// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import Synchronization

/// A disk in memory that can fill up, fail and crash, as harshly as POSIX allows.
///
/// It stops before the operation that it was told to crash at; from then on everything fails until
/// `crashed(_:)` gives what a reboot would find. There, an unflushed file holds what it held when it
/// was last flushed, a part or all of what was written, or zeros behind a part; and any of a
/// folder's unflushed changes of names may be lost, whatever came after them.
package final class MemoryFileSystem: FileSystem {
  /// How a crash treats what was not flushed.
  package enum Crash: Hashable, Sendable {
    /// All of it is lost.
    case losing
    /// All of it happened to reach the disk.
    case keeping
    /// Each change of a name by a coin, each file torn somewhere, drawn from a seed.
    case tearing(Seed)
  }

  fileprivate enum Node {
    case file(bytes: [UInt8], durable: [UInt8])
    case folder(Folder)
  }

  fileprivate struct Folder {
    var names: [String: Int] = [:]
    var durable: [String: Int] = [:]
    var pending: [Change] = []
  }

  /// A change of the names in a folder: some name goes, another appears, at once.
  fileprivate struct Change {
    var gone: String?
    var appeared: (name: String, node: Int)?
  }

  fileprivate struct State {
    var nodes: [Node] = [.folder(Folder())]
    var operations = 0
    var crashAt: Int?
    var space: Int?
  }

  private let state: Mutex<State>

  /// An empty disk.
  ///
  /// - Parameters:
  ///   - crashAt: the number of the changing operation, from 0, that is not done any more.
  ///   - space: bytes that files may hold together; nil for no limit.
  package init(crashAt: Int? = nil, space: Int? = nil) {
    state = Mutex(State(crashAt: crashAt, space: space))
  }

  private init(nodes: [Node]) { state = Mutex(State(nodes: nodes)) }

  /// Changing operations done so far.
  package var operations: Int { state.withLock { $0.operations } }

  /// Sets at which operation, counted from the beginning, the machine stops.
  package func crash(at operation: Int?) { state.withLock { $0.crashAt = operation } }

  /// Sets how many bytes files may hold together.
  package func limit(space: Int?) { state.withLock { $0.space = space } }

  /// Spoils a file where it lies, past all rules.
  package func damage(_ path: String, _ change: (inout [UInt8]) -> Void) throws(FileSystemError) {
    try state.withLock { state throws(FileSystemError) in
      let (_, node) = try state.find(path, .write)
      guard let node, case .file(var bytes, _) = state.nodes[node] else {
        throw FileSystemError(.write, path: path, reason: "No such file or directory", .missing)
      }
      change(&bytes)
      state.nodes[node] = .file(bytes: bytes, durable: bytes)
    }
  }

  /// The disk that the machine finds after a crash now.
  package func crashed(_ crash: Crash) -> MemoryFileSystem {
    state.withLock { state in
      var generator = SplitMix64(Seed(0))
      if case .tearing(let seed) = crash { generator = SplitMix64(seed) }
      let nodes = state.nodes.map { node -> Node in
        switch node {
        case .file(let bytes, let durable):
          let left = Self.torn(bytes, over: durable, crash, &generator)
          return .file(bytes: left, durable: left)
        case .folder(let folder):
          var names = folder.durable
          for change in folder.pending {
            let happens =
              switch crash {
              case .losing: false
              case .keeping: true
              case .tearing: generator.next() & 1 == 0
              }
            if happens { change.apply(to: &names) }
          }
          return .folder(Folder(names: names, durable: names))
        }
      }
      return MemoryFileSystem(nodes: nodes)
    }
  }

  private static func torn(
    _ bytes: [UInt8], over durable: [UInt8], _ crash: Crash, _ generator: inout SplitMix64
  ) -> [UInt8] {
    switch crash {
    case .losing: return durable
    case .keeping: return bytes
    case .tearing:
      if bytes == durable { return bytes }
      let end = Int(generator.next() % UInt64(bytes.count + 1))
      switch generator.next() % 4 {
      case 0: return durable
      case 1: return bytes
      case 2: return Array(bytes[..<end])
      // The length was written, the blocks behind it were not.
      default: return bytes[..<end] + [UInt8](repeating: 0, count: bytes.count - end)
      }
    }
  }

  package func kind(of path: String) throws(FileSystemError) -> FileKind? {
    try state.withLock { state throws(FileSystemError) in
      try state.requireAlive(.read, path)
      guard let node = try? state.find(path, .read).node else { return nil }
      switch state.nodes[node] {
      case .file(let bytes, _): return .file(byteCount: bytes.count)
      case .folder: return .folder
      }
    }
  }

  package func list(_ folder: String) throws(FileSystemError) -> [String] {
    try state.withLock { state throws(FileSystemError) in
      try state.requireAlive(.list, folder)
      let (_, contents) = try state.folder(folder, .list)
      return contents.names.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
  }

  package func read(_ path: String, byteCountMax: Int) throws(FileSystemError) -> [UInt8] {
    try state.withLock { state throws(FileSystemError) in
      try state.requireAlive(.read, path)
      guard let node = try state.find(path, .read).node else { throw .absent(.read, path) }
      guard case .file(let bytes, _) = state.nodes[node] else {
        throw FileSystemError(.read, path: path, reason: "Is a directory")
      }
      guard bytes.count <= byteCountMax else {
        throw FileSystemError(
          .read, path: path, reason: "more than \(byteCountMax) bytes", .tooLarge)
      }
      return bytes
    }
  }

  package func createFolder(_ path: String) throws(FileSystemError) {
    let parent = parentFolder(of: path)
    if path != "/", path != ".", try kind(of: parent) == nil { try createFolder(parent) }
    try state.withLock { state throws(FileSystemError) in
      if let node = try state.find(path, .create).node {
        guard case .folder = state.nodes[node] else {
          throw FileSystemError(.create, path: path, reason: "File exists")
        }
        return
      }
      try state.count(.create, path)
      state.nodes.append(.folder(Folder()))
      try state.change(path, .create, appears: state.nodes.count - 1)
    }
  }

  package func write(_ bytes: [UInt8], to path: String) throws(FileSystemError) {
    try state.withLock { state throws(FileSystemError) in
      try state.count(.write, path)
      var node = try state.find(path, .write).node
      if node == nil {
        state.nodes.append(.file(bytes: [], durable: []))
        node = state.nodes.count - 1
        try state.change(path, .write, appears: node!)
      }
      guard case .file(_, let durable) = state.nodes[node!] else {
        throw FileSystemError(.write, path: path, reason: "Is a directory")
      }
      state.nodes[node!] = .file(bytes: [], durable: durable)
      if let space = state.space, state.bytesUsed + bytes.count > space {
        let fits = bytes.prefix(max(0, space - state.bytesUsed))
        state.nodes[node!] = .file(bytes: Array(fits), durable: durable)
        throw FileSystemError(.write, path: path, reason: "No space left on device", .full)
      }
      state.nodes[node!] = .file(bytes: bytes, durable: durable)
    }
  }

  package func flush(file path: String) throws(FileSystemError) {
    try state.withLock { state throws(FileSystemError) in
      try state.count(.flush, path)
      guard let node = try state.find(path, .flush).node,
        case .file(let bytes, _) = state.nodes[node]
      else { throw .absent(.flush, path) }
      state.nodes[node] = .file(bytes: bytes, durable: bytes)
    }
  }

  package func flush(folder path: String) throws(FileSystemError) {
    try state.withLock { state throws(FileSystemError) in
      try state.count(.flush, path)
      var (node, folder) = try state.folder(path, .flush)
      folder.durable = folder.names
      folder.pending = []
      state.nodes[node] = .folder(folder)
    }
  }

  package func rename(_ path: String, to newPath: String) throws(FileSystemError) {
    precondition(
      parentFolder(of: path) == parentFolder(of: newPath), "\(path) and \(newPath) lie apart")
    try state.withLock { state throws(FileSystemError) in
      try state.count(.rename, path)
      guard let node = try state.find(path, .rename).node else { throw .absent(.rename, path) }
      if let old = try state.find(newPath, .rename).node,
        case .folder(let folder) = state.nodes[old],
        !folder.names.isEmpty
      {
        throw FileSystemError(.rename, path: path, reason: "Directory not empty")
      }
      try state.change(newPath, .rename, gone: lastName(of: path), appears: node)
    }
  }

  package func remove(_ path: String) throws(FileSystemError) {
    try state.withLock { state throws(FileSystemError) in
      try state.count(.remove, path)
      guard let node = try state.find(path, .remove).node else { throw .absent(.remove, path) }
      if case .folder(let folder) = state.nodes[node], !folder.names.isEmpty {
        throw FileSystemError(.remove, path: path, reason: "Directory not empty")
      }
      try state.change(path, .remove, gone: lastName(of: path))
    }
  }
}

extension MemoryFileSystem.Change {
  fileprivate func apply(to names: inout [String: Int]) {
    if let gone { names[gone] = nil }
    if let appeared { names[appeared.name] = appeared.node }
  }
}

extension MemoryFileSystem.State {
  /// Bytes that all reachable files hold.
  fileprivate var bytesUsed: Int { bytes(under: 0) }

  private func bytes(under node: Int) -> Int {
    switch nodes[node] {
    case .file(let bytes, _): bytes.count
    case .folder(let folder): folder.names.values.reduce(0) { $0 + bytes(under: $1) }
    }
  }

  fileprivate func requireAlive(
    _ operation: FileSystemError.Operation, _ path: String
  ) throws(FileSystemError) {
    if let crashAt, operations >= crashAt {
      throw FileSystemError(operation, path: path, reason: "the machine has stopped")
    }
  }

  fileprivate mutating func count(
    _ operation: FileSystemError.Operation, _ path: String
  ) throws(FileSystemError) {
    try requireAlive(operation, path)
    operations += 1
  }

  /// The node of the folder that holds a path, and the path's own node if there is one.
  fileprivate func find(
    _ path: String, _ operation: FileSystemError.Operation
  ) throws(FileSystemError) -> (parent: Int, node: Int?) {
    var parent = 0
    var node: Int? = 0
    for part in path.split(separator: "/") where part != "." {
      guard let here = node, case .folder(let folder) = nodes[here] else {
        throw .absent(operation, path)
      }
      parent = here
      node = folder.names[String(part)]
    }
    return (parent, node)
  }

  fileprivate func folder(
    _ path: String, _ operation: FileSystemError.Operation
  ) throws(FileSystemError) -> (Int, MemoryFileSystem.Folder) {
    guard let node = try find(path, operation).node, case .folder(let folder) = nodes[node] else {
      throw .absent(operation, path)
    }
    return (node, folder)
  }

  fileprivate mutating func change(
    _ path: String, _ operation: FileSystemError.Operation, gone: String? = nil,
    appears node: Int? = nil
  ) throws(FileSystemError) {
    let parent = try find(path, operation).parent
    guard case .folder(var folder) = nodes[parent] else { throw .absent(operation, path) }
    let change = MemoryFileSystem.Change(
      gone: gone, appeared: node.map { (lastName(of: path), $0) })
    change.apply(to: &folder.names)
    folder.pending.append(change)
    nodes[parent] = .folder(folder)
  }
}

extension FileSystemError {
  fileprivate static func absent(_ operation: Operation, _ path: String) -> FileSystemError {
    FileSystemError(operation, path: path, reason: "No such file or directory", .missing)
  }
}

private func lastName(of path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? ""
}
