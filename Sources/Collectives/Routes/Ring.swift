// SPDX-License-Identifier: Apache-2.0

/// Each rank speaks only to the next, and every link carries the same bytes.
///
/// Segment `s` belongs to rank `s`. Its partial sum starts at the rank after `s` and goes round,
/// each rank adding its values, until it is complete at rank `s`; from there the result goes round
/// once more. A lossy codec's error grows by one rounding a hop.
///
/// A rank sends `2 (W − 1) / W` times the encoded vector, in `2 (W − 1)` hops.
///
/// - Note: Patarasuk and Yuan 2009, §3.
struct Ring: Route {
  private let next: [Int]
  private let previous: [Int]

  /// `order` is a permutation of `0..<world`, the same on all ranks; by rank where it is empty.
  init(world: Int, order: [Int]) {
    let order = order.isEmpty ? Array(0..<world) : order
    var (next, previous) = (order, order)
    for (place, rank) in order.enumerated() {
      next[rank] = order[(place + 1) % world]
      previous[rank] = order[(place + world - 1) % world]
    }
    self.next = next
    self.previous = previous
  }

  var segmentCount: Int { next.count }

  func sources(of rank: Int, _ segment: Int) -> [Int] {
    rank == next[segment] ? [] : [previous[rank]]
  }
  func sink(of rank: Int, _ segment: Int) -> Int? { rank == segment ? nil : next[rank] }
  func upstream(of rank: Int, _ segment: Int) -> Int? { rank == segment ? nil : previous[rank] }
  func downstream(of rank: Int, _ segment: Int) -> [Int] {
    next[rank] == segment ? [] : [next[rank]]
  }
}
