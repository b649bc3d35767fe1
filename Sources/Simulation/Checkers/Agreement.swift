// SPDX-License-Identifier: Apache-2.0

public import FerryPeers

/// What one peer holds to be decided under a key, no peer ever holds to be decided otherwise.
///
/// For example: the hash of the parameters after each round. It outlives deaths, so that a peer
/// that comes back cannot rewrite history.
public struct Agreement<Logic: PeerLogic, Key: Hashable, Value: Equatable>: Checker {
  public let name: String
  /// How many different keys were decided.
  public var keyCount: Int { decided.count }

  private enum Source {
    case latest((borrowing Logic) -> (key: Key, value: Value)?)
    case log((borrowing Logic) -> [(key: Key, value: Value)])
  }

  private let source: Source
  private var decided: [Key: (value: Value, peer: Int)] = [:]
  /// Of each peer: what it last held, or how much of its log was read.
  private var seen: [Int: (key: Key, value: Value)] = [:]
  private var readCount: [Int: Int] = [:]

  /// - Parameter latest: what a peer decided last, if anything; asked after each event, so that a
  ///   peer that decides twice in one event is seen once.
  public init(
    _ name: String, latest: @escaping (borrowing Logic) -> (key: Key, value: Value)?
  ) {
    self.name = name
    source = .latest(latest)
  }

  /// - Parameter log: all that a peer's process decided, oldest first; it only ever grows.
  public init(_ name: String, log: @escaping (borrowing Logic) -> [(key: Key, value: Value)]) {
    self.name = name
    source = .log(log)
  }

  public mutating func observe(_ logic: borrowing Logic, peer: Int, at: Duration) -> String? {
    switch source {
    case .latest(let latest):
      guard let entry = latest(logic) else { return nil }
      if let last = seen[peer], last.key == entry.key, last.value == entry.value { return nil }
      seen[peer] = entry
      return add(entry, peer: peer)
    case .log(let log):
      let entries = log(logic)
      let read = readCount[peer] ?? 0
      guard entries.count != read else { return nil }
      guard entries.count > read else {
        return "peer-\(peer) forgot \(read - entries.count) of \(read) decisions"
      }
      readCount[peer] = entries.count
      for entry in entries[read...] {
        if let complaint = add(entry, peer: peer) { return complaint }
      }
      return nil
    }
  }

  public mutating func died(peer: Int, at: Duration) {
    seen[peer] = nil
    readCount[peer] = nil
  }

  private mutating func add(_ entry: (key: Key, value: Value), peer: Int) -> String? {
    guard let first = decided[entry.key] else {
      decided[entry.key] = (entry.value, peer)
      return nil
    }
    guard first.value != entry.value else { return nil }
    return "peer-\(peer) holds \(entry.value) for \(entry.key), peer-\(first.peer) \(first.value)"
  }
}
