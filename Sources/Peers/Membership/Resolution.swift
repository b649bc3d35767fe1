// SPDX-License-Identifier: Apache-2.0

/// What became of the round that a change of view interrupted.
///
/// A member commits a round only when every member of the view has said that it holds the complete
/// result. So if one of those who answer does not hold it, nobody has committed it, here or beyond
/// a partition, and it is repeated; if all who answer hold it, it stands. Those who answer have
/// promised, which freezes what they hold.
package struct Resolution: Sendable {
  /// The last round that counts as done.
  package let committed: UInt64
  /// The digest of its result when some member only holds it; else empty.
  package let resultDigest: [UInt8]
  /// Those who have that round or hold its result; the others must fetch the state anew.
  package let able: Set<Member>
  /// What became of each channel's exchange.
  package let exchanges: [UInt64: ExchangeStanding]

  package init(of standings: [Member: Standing], in view: View) {
    exchanges = Self.exchanges(of: standings)
    let last = standings.values.map(\.committed).max() ?? 0
    func holds(_ standing: Standing, _ round: UInt64) -> HeldResult? {
      guard let held = standing.held, held.round == round, standing.committed + 1 == round
      else { return nil }
      return held
    }
    // Somebody committed `last`: whoever holds its result may commit it too.
    let current = standings.filter { $0.value.committed == last || holds($0.value, last) != nil }
    let heldNext = current.values.compactMap { holds($0, last + 1) }
    if !heldNext.isEmpty, heldNext.count == current.count, Set(heldNext).count == 1 {
      committed = last + 1
      resultDigest = heldNext[0].digest
      able = Set(current.keys)
      return
    }
    committed = last
    resultDigest = current.values.compactMap { holds($0, last)?.digest }.first ?? []
    // Of those who have committed, the majority's state is the group's; ties go to the senior side.
    let digests = Dictionary(
      grouping: current.filter { !$0.value.stateDigest.isEmpty && $0.value.committed == last }.keys
    ) { standings[$0]!.stateDigest }
    let senior = { (side: [Member]) in side.compactMap { view.rank(of: $0) }.min() ?? .max }
    let best = digests.values.max { a, b in
      (a.count, senior(b)) < (b.count, senior(a))
    }
    let odd = digests.values.filter { $0 != best }.flatMap(\.self)
    able = Set(current.keys).subtracting(odd)
  }

  private static func exchanges(of standings: [Member: Standing]) -> [UInt64: ExchangeStanding] {
    let channels = standings.values.reduce(into: Set()) { $0.formUnion($1.exchanges.keys) }
    // In numerical order up to the limit: the same choice whoever makes it.
    let kept = channels.sorted().prefix(ExchangeStanding.channelsMax)
    return Dictionary(
      uniqueKeysWithValues: kept.map { channel in
        (
          channel,
          ExchangeStanding(
            of: standings.compactMapValues { $0.exchanges[channel] },
            answering: Set(standings.keys))
        )
      })
  }
}
