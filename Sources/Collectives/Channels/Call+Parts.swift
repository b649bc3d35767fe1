// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

/// What a call means to the members that happen to take part.
extension Call {
  /// What all members must mean alike, in words.
  var meaning: String {
    let root = root.map { " at \($0.short)" } ?? ""
    return operation.kind.hasOneCount
      ? "\(input.count) elements as \(operation)\(root)" : "\(operation)\(root)"
  }

  /// Values for members, by rank.
  private func parts(to members: [Member]) -> [Values]? {
    parts.map { parts in members.map { parts[$0.id] ?? input } }
  }

  func counts(to members: [Member]) -> [Int] {
    parts(to: members)?.map(\.count) ?? [input.count]
  }

  /// All that this member gives, one member's after the other's.
  func flat(to members: [Member]) -> Values { input }

  func missingEnd(among members: [Member], names: (PeerID) -> String) -> String? {
    guard let root, !members.contains(where: { $0.id == root }) else { return nil }
    return "\(names(root)) is not a member"
  }

  var unsendable: String? { nil }
}

extension Operation.Kind {
  /// Whether all members give as many values.
  var hasOneCount: Bool { [.allReduce, .reduceScatter].contains(self) }
  /// Whether all members get the same values.
  var isReplicated: Bool { [.allReduce, .allGather, .broadcast, .barrier].contains(self) }
  func gatheredCounts(_ counts: [[Int]], rank: Int, isRoot: Bool) -> [Int] {
    switch self {
    case .allGather: counts.map { $0[0] }
    case .gather: isRoot ? counts.map { $0[0] } : []
    case .allToAll: counts.map { $0[rank] }
    default: []
    }
  }
}

extension Values {
  func digest(seed: Seed, then bytes: [UInt8]) -> [UInt8] {
    switch self {
    case .float32(let values): Digest.quick(of: values, seed: seed, then: bytes)
    }
  }
}
