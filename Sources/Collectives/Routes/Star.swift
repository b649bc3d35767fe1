// SPDX-License-Identifier: Apache-2.0

/// All send to one rank, which adds and sends the result to all: two hops, and a value is encoded
/// twice in all, once as a contribution and once as a part of the result, whatever the world.
///
/// With every rank the hub of its own segment it is the *direct* all-reduce: the bytes of a ring, a
/// link between each two ranks, and the right choice for lossy codecs. With one hub it is TPI-LLM's
/// *star*, for links where latency rules and one rank is in the middle of them.
///
/// The hub's values come first in the sum, then those of the ranks before it, backwards round: that
/// is the order in which they arrive where each rank serves the hub after it first.
///
/// - Note: TPI-LLM, arXiv 2410.00531, §3.
struct Star: Route {
  private let world: Int
  private let hubs: [Int]

  /// A hub for each segment.
  init(world: Int, hubs: [Int]) {
    self.world = world
    self.hubs = hubs
  }

  var segmentCount: Int { hubs.count }

  func sources(of rank: Int, _ segment: Int) -> [Int] {
    guard rank == hubs[segment] else { return [] }
    return (1..<max(world, 1)).map { (rank + world - $0) % world }
  }
  func sink(of rank: Int, _ segment: Int) -> Int? { rank == hubs[segment] ? nil : hubs[segment] }
}
