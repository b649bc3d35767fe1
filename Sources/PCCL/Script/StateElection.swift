// SPDX-License-Identifier: Apache-2.0

/// Whose state all peers take: what most hold, of the revision that is due.
package struct StateElection: Sendable {
  /// Why there is no choice.
  package enum Refusal: Error, Hashable, Sendable {
    /// Tensors of different names, types or sizes.
    case layoutsDiffer
    /// Some enforce the popular state and others do not, or several send different states.
    case strategiesClash
    /// All only receive.
    case nobodyOffers
  }

  package struct Choice: Hashable, Sendable {
    package var revision: UInt64
    /// What has to be copied, by the index of the peer that lacks it.
    package var copies: [Copy]
  }

  /// What one peer copies from another; peers are indices of the offers, tensors of the state.
  package struct Copy: Hashable, Sendable {
    package var source: Int
    package var target: Int
    package var tensors: [Int]

    package init(source: Int, target: Int, tensors: [Int]) {
      (self.source, self.target, self.tensors) = (source, target, tensors)
    }
  }

  package let outcome: Result<Choice, Refusal>

  /// - Parameters:
  ///   - offers: of all peers, in the same order everywhere; not empty.
  ///   - last: the revision that was synchronized before.
  package init(_ offers: [StateOffer], after last: UInt64?) {
    outcome = Result { () throws(Refusal) in try Self.choose(offers, last) }
  }

  private static func choose(
    _ offers: [StateOffer], _ last: UInt64?
  ) throws(Refusal) -> Choice {
    let shape = { (offer: StateOffer) in offer.tensors.map(\.byteCount) }
    guard offers.allSatisfy({ $0.layout == offers[0].layout && shape($0) == shape(offers[0]) })
    else { throw .layoutsDiffer }
    let popular = offers.count { $0.strategy == .enforcePopular }
    guard popular == 0 || popular == offers.count else { throw .strategiesClash }
    let senders = offers.indices.filter { offers[$0].strategy == .sendOnly }
    var candidates = senders
    if popular > 0 { candidates = Array(offers.indices) }
    guard !candidates.isEmpty else { throw .nobodyOffers }
    // The revision that follows; else the one that all have had; else the furthest.
    let revisions = candidates.map { offers[$0].revision }
    let revision =
      last.flatMap { last in [last &+ 1, last].first(where: revisions.contains) }
      ?? revisions.max()!
    let due = candidates.filter { offers[$0].revision == revision }
    if !senders.isEmpty, Set(senders.map { offers[$0].content }).count > 1 {
      throw .strategiesClash
    }
    var holders: [[[UInt8]]: Int] = [:]
    for index in due { holders[offers[index].content, default: 0] += 1 }
    let most = holders.values.max()!
    let source = due.first { holders[offers[$0].content] == most }!
    // Those who hold it share the work.
    let sources = due.filter { offers[$0].content == offers[source].content }
    var copies: [Copy] = []
    for target in offers.indices where offers[target].strategy != .sendOnly {
      let source = sources[copies.count % sources.count]
      let tensors = offers[source].tensors.indices.filter {
        target != source && lacks(offers[target], $0, of: offers[source])
      }
      if !tensors.isEmpty { copies.append(Copy(source: source, target: target, tensors: tensors)) }
    }
    return Choice(revision: revision, copies: copies)
  }

  /// Whether a peer has to copy a tensor of the chosen state.
  static func lacks(_ offer: StateOffer, _ tensor: Int, of chosen: StateOffer) -> Bool {
    if offer.tensors[tensor].digest == chosen.tensors[tensor].digest { return false }
    return !offer.tensors[tensor].mayDiffer || offer.revision != chosen.revision
  }
}
