// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import Synchronization

/// Why a simulated disk did not do what it was asked.
public enum DiskFault: Error, Equatable, Sendable {
  case notFound(String)
  /// The medium failed; a write may have left its first part.
  case inputOutput(String)
  /// A write may have left its first part.
  case full(String)
  /// The machine went down in the middle of this operation or before it.
  case powerLost
}

/// A disk in memory that forgets what disks forget.
///
/// Written bytes are safe only after `flush` of the file; a new, renamed or removed name only
/// after `flushDirectory`. At a power loss, of what was not flushed a random part stays: names in
/// the order of the operations (as on a journaling file system), of each file some first part.
/// The death of a process alone loses nothing.
///
/// Paths are plain strings; the directory of `runs/a/b` is `runs/a`. Directories need not be made.
public final class SimulatedDisk: Sendable {
  fileprivate enum NameChange {
    case bind(String, Int)
    case unbind(String)
    case move(String, to: String, Int)

    /// A move between directories counts as one of its target.
    var directory: String {
      switch self {
      case .bind(let path, _), .unbind(let path), .move(_, to: let path, _):
        SimulatedDisk.directory(of: path)
      }
    }
  }

  fileprivate struct State {
    var files: [Int: (bytes: [UInt8], flushed: [UInt8])] = [:]
    var fileNext = 0
    var names: [String: Int] = [:]
    var namesFlushed: [String: Int] = [:]
    /// Changes of names since the last flush of their directory, oldest first.
    var pending: [NameChange] = []
    var random: SplitMix64
    var error: Probability
    var errorCount = 0
    var operationCount = 0
    var powerLossAt: Int?
    var hasPower = true
  }

  private let state: Mutex<State>

  /// - Parameter errorChance: for each operation that writes, from 0 to 1.
  public init(seed: Seed, errorChance: Double = 0) {
    state = Mutex(State(random: SplitMix64(seed), error: Probability(errorChance)))
  }

  // MARK: Operations

  /// Writes a whole file anew; its former content, if flushed, may come back after a power loss.
  public func write(_ bytes: [UInt8], to path: String) throws(DiskFault) {
    try operate { state throws(DiskFault) in
      try state.put(bytes, at: path, appending: false)
    }
  }

  /// Adds to the end of a file, and makes it if there is none.
  public func append(_ bytes: [UInt8], to path: String) throws(DiskFault) {
    try operate { state throws(DiskFault) in
      try state.put(bytes, at: path, appending: true)
    }
  }

  /// Makes the bytes of a file safe (fsync of the file).
  public func flush(_ path: String) throws(DiskFault) {
    try operate { state throws(DiskFault) in
      let file = try state.file(path)
      try state.mayFail(path)
      if let bytes = state.files[file]?.bytes { state.files[file]?.flushed = bytes }
    }
  }

  /// Makes the names in a directory safe (fsync of the directory).
  public func flushDirectory(_ directory: String) throws(DiskFault) {
    try operate { state throws(DiskFault) in
      try state.mayFail(directory)
      for change in state.pending where change.directory == directory { state.settle(change) }
      state.pending.removeAll { $0.directory == directory }
    }
  }

  /// Gives a file another name, in one step; what had that name before is gone.
  public func rename(_ path: String, to target: String) throws(DiskFault) {
    try operate { state throws(DiskFault) in
      let file = try state.file(path)
      try state.mayFail(path)
      state.names[path] = nil
      state.names[target] = file
      // One entry, so that a power loss never leaves a rename half done.
      state.pending.append(.move(path, to: target, file))
    }
  }

  public func remove(_ path: String) throws(DiskFault) {
    try operate { state throws(DiskFault) in
      _ = try state.file(path)
      try state.mayFail(path)
      state.names[path] = nil
      state.pending.append(.unbind(path))
    }
  }

  public func read(_ path: String) throws(DiskFault) -> [UInt8] {
    try state.withLock { state throws(DiskFault) in
      guard state.hasPower else { throw .powerLost }
      return state.files[try state.file(path)]?.bytes ?? []
    }
  }

  public func exists(_ path: String) -> Bool { state.withLock { $0.names[path] != nil } }

  /// The files in a directory, by path, sorted; not those below its directories.
  public func list(_ directory: String) -> [String] {
    state.withLock { state in
      state.names.keys.filter { Self.directory(of: $0) == directory }.sorted()
    }
  }

  // MARK: Faults

  /// How many operations failed by chance.
  public var errorCount: Int { state.withLock { $0.errorCount } }

  /// How many operations that write were asked for so far: the crash points of a writer.
  public var operationCount: Int { state.withLock { $0.operationCount } }

  public func setErrorChance(_ chance: Double) {
    state.withLock { $0.error = Probability(chance) }
  }

  /// Loses power in the middle of the writing operation with this number, counted from 0 since
  /// the disk was made; nil: never.
  public func losePower(atOperation number: Int?) {
    state.withLock { $0.powerLossAt = number }
  }

  /// Loses power now; every operation fails until `powerUp`.
  public func losePower() { state.withLock { $0.losePower() } }

  public func powerUp() { state.withLock { $0.hasPower = true } }

  private func operate(
    _ body: (inout State) throws(DiskFault) -> Void
  ) throws(DiskFault) {
    try state.withLock { state throws(DiskFault) in
      guard state.hasPower else { throw .powerLost }
      let number = state.operationCount
      state.operationCount += 1
      if state.powerLossAt == number {
        // The operation may or may not have reached the disk; what follows decides by chance.
        let before = state
        do { try body(&state) } catch { state = before }
        state.losePower()
        throw .powerLost
      }
      try body(&state)
    }
  }

  fileprivate static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return String(path[..<slash])
  }
}

extension SimulatedDisk.State {
  func file(_ path: String) throws(DiskFault) -> Int {
    guard let file = names[path] else { throw .notFound(path) }
    return file
  }

  mutating func mayFail(_ path: String) throws(DiskFault) {
    guard random.happens(error) else { return }
    errorCount += 1
    throw .inputOutput(path)
  }

  mutating func put(_ bytes: [UInt8], at path: String, appending: Bool) throws(DiskFault) {
    let file: Int
    if let known = names[path] {
      file = known
    } else {
      file = fileNext
      fileNext += 1
      files[file] = ([], [])
      names[path] = file
      pending.append(.bind(path, file))
    }
    var content = appending ? files[file]?.bytes ?? [] : []
    if random.happens(error) {
      errorCount += 1
      content += bytes.prefix(Int(random.below(Int64(bytes.count) + 1)))
      files[file]?.bytes = content
      throw random.next() & 1 == 0 ? .inputOutput(path) : .full(path)
    }
    content += bytes
    files[file]?.bytes = content
  }

  mutating func settle(_ change: SimulatedDisk.NameChange) {
    switch change {
    case .bind(let path, let file): namesFlushed[path] = file
    case .unbind(let path): namesFlushed[path] = nil
    case .move(let path, to: let target, let file):
      namesFlushed[path] = nil
      namesFlushed[target] = file
    }
  }

  mutating func losePower() {
    guard hasPower else { return }
    hasPower = false
    let kept = Int(random.below(Int64(pending.count) + 1))
    for change in pending.prefix(kept) { settle(change) }
    pending = []
    names = namesFlushed
    var rest: [Int: (bytes: [UInt8], flushed: [UInt8])] = [:]
    // Sorted: dictionary order changes from run to run, and chance must not.
    for file in Set(names.values).sorted() {
      guard let (bytes, flushed) = files[file] else { continue }
      var left = flushed
      if bytes != flushed {
        let part = Int(random.below(Int64(bytes.count) + 1))
        if random.next() & 1 == 0 { left = Array(bytes.prefix(part)) }
        // A file that only grew keeps what was flushed.
        if bytes.starts(with: flushed), left.count < flushed.count { left = flushed }
      }
      rest[file] = (left, left)
    }
    files = rest
  }
}
