// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryPeers
import FerryTensors

/// What a call means among the members that happen to take part.
extension Call {
  /// What all members must mean alike, in words.
  var meaning: String {
    let ends = [root.map { "from or to \($0.short)" }].compactMap(\.self)
    let count = operation.kind.hasOneCount ? ["\(input.count) elements"] : []
    return (count + [operation.meaning] + ends).joined(separator: " ")
  }

  /// The operation in terms of ranks.
  func operation(among members: [Member]) -> Operation {
    var operation = operation
    let rank = { (peer: PeerID?) in members.firstIndex { $0.id == peer } ?? 0 }
    operation.root = rank(root)
    operation.destination = rank(destination)
    return operation
  }

  /// How many values this member gives, by rank where that differs.
  func counts(to members: [Member], from me: PeerID) -> [Int] {
    switch operation.kind {
    case .barrier: []
    case .broadcast, .send: root == me ? [input.count] : []
    case .scatter where root != me: []
    case .scatter, .allToAll: parted(to: members).map(\.count)
    case .allReduce, .reduceScatter, .allGather, .gather: [input.count]
    }
  }

  private func parted(to members: [Member]) -> [Values] {
    members.map { parts[$0.id] ?? Values(operation.elementType) }
  }

  /// All that this member gives, one rank's after the other's.
  func given(to members: [Member], from me: PeerID) -> Values {
    switch operation.kind {
    case .allToAll: .joined(parted(to: members), of: operation.elementType)
    case .scatter where root == me: .joined(parted(to: members), of: operation.elementType)
    default: input
    }
  }

  /// The end that is missing among those who take part, as a sentence; nil when none is.
  func missingEnd(among members: [Member]) -> String? {
    let missing = [root, destination].compactMap(\.self)
      .first { end in !members.contains { $0.id == end } }
    return missing.map { "\($0.short) is not a member" }
  }

  /// Why the values cannot be sent; nil when they can.
  var unsendable: String? {
    guard case .f32(let values) = input, operation.codec.codec().isLossy,
      let place = values.firstIndex(where: { !$0.isFinite })
    else { return nil }
    return "element \(place) is \(values[place]), and \(operation.codec) needs finite values"
  }
}

extension Operation {
  /// What it is, apart from ranks, in words that are equal only if the operations are.
  var meaning: String {
    let kind =
      "\(kind)" + (self.kind == .allReduce || self.kind == .reduceScatter ? " \(reduce)" : "")
    let way = "\(elementType) by \(algorithm.rawValue) as \(codec)"
    guard topology != Topology() else { return "\(kind) of \(way)" }
    let digest = Digest.sha256(of: encoded()).prefix(4).map { String($0, radix: 16) }.joined()
    return "\(kind) of \(way), topology \(digest)"
  }
}

extension Operation.Kind {
  /// Whether all members must give as many values.
  var hasOneCount: Bool { [.allReduce, .reduceScatter].contains(self) }
  /// Whether all members get the same values.
  var isReplicated: Bool { [.allReduce, .allGather, .broadcast, .barrier].contains(self) }

  /// How many of a rank's values came from each rank; empty where they are not told apart.
  func cameFrom(_ counts: [[Int]], rank: Int, root: Int) -> [Int] {
    switch self {
    case .allGather: counts.map { $0[0] }
    case .gather: rank == root ? counts.map { $0[0] } : []
    case .allToAll: counts.map { $0[rank] }
    case .allReduce, .reduceScatter, .broadcast, .scatter, .send, .barrier: []
    }
  }
}

extension Values {
  /// Tells results apart, and the records that go with them.
  func digest(seed: Seed, then bytes: [UInt8]) -> [UInt8] {
    visit(Digesting(seed: seed, bytes: bytes))
  }
}

private struct Digesting: ElementVisitor {
  let seed: Seed
  let bytes: [UInt8]
  func visit<Element: CollectiveElement>(_ values: [Element]) -> [UInt8] {
    Digest.quick(of: values.span.elementBytes, count: values.count, seed: seed, then: bytes)
  }
}
