// SPDX-License-Identifier: Apache-2.0

/// For each segment of a vector, the tree by which its partial sums come together, and the tree by
/// which the result goes to all. All ranks work out the same one, each its own part.
package protocol Route: Sendable {
  /// The number of segments; segment `s` of as many as there are ranks belongs to rank `s`.
  var segmentCount: Int { get }

  /// Who sends a rank partial sums of a segment, in the order in which they are added.
  func sources(of rank: Int, _ segment: Int) -> [Int]
  /// Where a rank's partial sum goes; nil at the segment's owner, where it is complete.
  func sink(of rank: Int, _ segment: Int) -> Int?
  /// Who sends a rank the result; nil at the owner.
  func upstream(of rank: Int, _ segment: Int) -> Int?
  /// To whom a rank sends the result.
  func downstream(of rank: Int, _ segment: Int) -> [Int]
}

/// The result goes back the way the sums came, unless a route says otherwise.
extension Route {
  func upstream(of rank: Int, _ segment: Int) -> Int? { sink(of: rank, segment) }
  func downstream(of rank: Int, _ segment: Int) -> [Int] { sources(of: rank, segment).reversed() }

  /// One rank's legs of an all-reduce, or of a reduce-scatter, which ends where sums are complete.
  func legs(_ ranges: [Range<Int>], terms: Reduction, isSpread: Bool) -> [Leg] {
    let rank = terms.rank
    return ranges.enumerated().map { segment, range in
      var leg = Leg(segment: segment, range: range)
      let sink = sink(of: rank, segment)
      // Whoever has nothing to add, for itself or for others, is not asked.
      let sources = sources(of: rank, segment).filter { contributes($0, segment, terms) }
      if terms.contributes || !sources.isEmpty {
        leg.sum = .of(sources: sources, withOwn: terms.contributes, sink: sink)
      }
      if isSpread {
        leg.upstream = upstream(of: rank, segment)
        leg.downstream = downstream(of: rank, segment)
      }
      return leg
    }
  }

  /// Whether anything comes from a rank and those that send to it.
  private func contributes(_ rank: Int, _ segment: Int, _ terms: Reduction) -> Bool {
    terms.weights[rank] > 0
      || sources(of: rank, segment).contains { contributes($0, segment, terms) }
  }
}
