// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// How many values each rank gives to whom, checked.
extension Operation {
  /// Throws unless the counts fit the operation and each other, and this rank's input fits them.
  ///
  /// - Parameters:
  ///   - counts: for each rank what it gives, as one count: in all-reduce (the same for all),
  ///     all-gather and gather. In reduce-scatter one count, cut evenly, or the lengths of all
  ///     segments; the same for all. In broadcast and send one count for the root; in scatter one
  ///     for each rank for the root; the others give none, `[]` or zeros, or in broadcast the same. In
  ///     all-to-all one for each rank. In barrier none.
  ///   - count: of values that `rank` gives, which are of `type`.
  func check(
    _ counts: [[Int]], rank: Int, giving count: Int, of type: ElementType, world: Int
  ) throws(CollectiveError) {
    guard counts.count == world else {
      throw refusing("\(counts.count) ranks have said what they give, of \(world)", nil)
    }
    let hasRoot = [.broadcast, .gather, .scatter, .send].contains(kind)
    for end in (hasRoot ? [root] : []) + (kind == .send ? [destination] : []) {
      guard let end else { throw refusing("it is not said from whom, or to whom", nil) }
      guard (0..<world).contains(end) else {
        throw refusing("there is no rank \(end) among \(world)", nil)
      }
    }
    let limit = Self.byteCountMax / elementType.byteWidth
    for (rank, given) in counts.enumerated() {
      let isTooMany = given.count > world || given.contains { $0 < 0 || $0 > limit }
      if isTooMany || given.reduce(0, +) > limit {
        throw refusing("rank \(rank) gives \(Self.text(given)) values", rank)
      }
    }
    let all = counts.reduce(0) { $0 + $1.reduce(0, +) }
    if kind == .allGather || kind == .gather, all > limit {
      throw refusing("\(all) values in all are above \(limit)", nil)
    }
    for (rank, given) in counts.enumerated() {
      if let demand = demand(on: rank, giving: given, counts, world: world) {
        throw refusing("rank \(rank) gives \(Self.text(given)) values, \(demand)", rank)
      }
    }
    let mine = counts[rank].reduce(0, +)
    let isRead = rank == root || ![.broadcast, .scatter, .send].contains(kind)
    guard !isRead || count == mine else {
      throw refusing("rank \(rank) has \(count) values to give, not \(mine)", rank)
    }
    guard !isRead || type == elementType else {
      throw refusing("rank \(rank) has \(type), not \(elementType)", rank)
    }
  }

  /// What a rank should give instead; nil where it is right.
  private func demand(on rank: Int, giving given: [Int], _ counts: [[Int]], world: Int) -> String? {
    let isNone = given.allSatisfy { $0 == 0 }
    switch kind {
    case .allReduce:
      return given.count != 1
        ? "and one count is needed"
        : given != counts[0] ? "and rank 0 \(Self.text(counts[0]))" : nil
    case .reduceScatter:
      return given.count != 1 && given.count != world
        ? "and one count or \(world) are needed"
        : given != counts[0] ? "and rank 0 \(Self.text(counts[0]))" : nil
    case .allGather, .gather:
      return given.count == 1 ? nil : "and one count is needed"
    case .broadcast:
      if rank == root { return given.count == 1 ? nil : "and one count is needed" }
      return isNone || given == counts[root!]
        ? nil : "and the root, rank \(root!), \(Self.text(counts[root!]))"
    case .send:
      if rank == root { return given.count == 1 ? nil : "and one count is needed" }
      return isNone ? nil : "and only rank \(root!) sends"
    case .scatter:
      if rank == root { return given.count == world ? nil : "and \(world) counts are needed" }
      return isNone ? nil : "and only rank \(root!) sends"
    case .allToAll:
      return given.count == world ? nil : "and \(world) counts are needed"
    case .barrier:
      return isNone ? nil : "and a barrier has none"
    }
  }

  private static func text(_ counts: [Int]) -> String {
    counts.isEmpty ? "no" : counts.prefix(8).map(String.init).joined(separator: ", ")
  }

  func refusing(_ what: String, _ culprit: Int?) -> CollectiveError {
    CollectiveError(
      .badOperation, what, place: "\(kind)",
      remedy: "All ranks must call the same operation with counts that fit; compare their calls.",
      culprit: culprit)
  }
}
