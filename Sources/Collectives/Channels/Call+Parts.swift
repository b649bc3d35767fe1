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
    let count = operation.kind.hasOneCount ? ["\(inputCount) elements"] : []
    return (count + ["\(operation)"] + ends).joined(separator: " ")
  }

  /// The operation in terms of ranks.
  func operation(among members: [Member]) -> Operation {
    var operation = operation
    let rank = { (peer: PeerID?) in members.firstIndex { $0.id == peer } }
    operation.root = rank(root)
    operation.destination = rank(destination)
    return operation
  }

  /// How many values this member gives, by rank where that differs.
  func counts(to members: [Member], from me: PeerID) -> [Int] {
    switch operation.kind {
    case .barrier: []
    case .broadcast, .send: root == me ? [inputCount] : []
    case .scatter where root != me: []
    case .scatter, .allToAll: parted(to: members).map(\.count)
    case .allReduce, .reduceScatter, .allGather, .gather: [inputCount]
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

  /// Whether the exchange begins with the word that a member is ready: one message less to wait for.
  func opensOnReady(world: Int) -> Bool {
    guard operation.kind == .allReduce, inputCount > 0 else { return false }
    let codec = operation.codec.codec()
    let chosen = operation.algorithm.chosen(
      count: inputCount, world: world, codec: codec, elementType: operation.elementType,
      topology: operation.topology)
    let isFloat = operation.elementType == .f32
    let bytes =
      isFloat ? codec.byteCount(for: inputCount) : inputCount * operation.elementType.byteWidth
    return chosen.algorithm == .oneShot && bytes <= AllReduceAlgorithm.oneShotBytesMax
  }

  /// What a one-shot machine sends, piece by piece; it does not depend on the weights, not known yet.
  /// And the machine, begun: the right one where all weights turn out to be 1.
  func opening(
    rank: Int, world: Int, seed: Seed
  ) throws(CollectiveError) -> (pieces: [Chunk], machine: any CollectiveMachine) {
    var machine = try operation.machine(
      rank: rank, input: input, lent: lent,
      counts: Array(repeating: [inputCount], count: world), seed: seed)
    var pieces: [Chunk] = []
    for outgoing in try machine.start() where outgoing.chunk.piece == pieces.count {
      pieces.append(outgoing.chunk)
    }
    return (pieces, machine)
  }

  /// Why the values cannot be sent; nil when they can.
  var unsendable: String? {
    guard case .f32(let values) = input, operation.codec.codec().isLossy,
      let place = values.firstIndex(where: { !$0.isFinite })
    else { return nil }
    return "element \(place) is \(values[place]), and \(operation.codec) needs finite values"
  }
}

extension Operation.Kind {
  /// Whether all members must give as many values.
  var hasOneCount: Bool { [.allReduce, .reduceScatter].contains(self) }
  /// Whether all members get the same values.
  var isReplicated: Bool { [.allReduce, .allGather, .broadcast, .barrier].contains(self) }

  /// What the ranks give in all, where that is what one rank may have to hold; else 0.
  func gatheredCount(_ counts: [[UInt64]]) -> Double {
    switch self {
    case .allReduce, .reduceScatter, .barrier: 0
    case .allGather, .gather, .broadcast, .scatter, .allToAll, .send:
      counts.reduce(0) { $1.reduce($0) { $0 + Double($1) } }
    }
  }

  /// How many of a rank's values came from each rank; empty where they are not told apart.
  func cameFrom(_ counts: @autoclosure () -> [[Int]], rank: Int, root: Int?) -> [Int] {
    switch self {
    case .allGather: counts().map { $0[0] }
    case .gather: rank == root ? counts().map { $0[0] } : []
    case .allToAll: counts().map { $0[rank] }
    case .allReduce, .reduceScatter, .broadcast, .scatter, .send, .barrier: []
    }
  }
}
