// SPDX-License-Identifier: Apache-2.0

/// Half the ranks send to the other half, half of those on, until the root has the sum; the result
/// goes back the same way: `2 ⌈log₂ W⌉` hops in which nobody hears more than one rank at a time.
///
/// Counted from the root, rank `v` reports to `v` without its lowest bit.
struct BinomialTree: Route {
  private let world: Int
  private let root: Int

  init(world: Int, root: Int) {
    self.world = world
    self.root = root
  }

  var segmentCount: Int { 1 }

  /// The smallest subtrees first, as they are done first; the result goes to the largest first.
  func sources(of rank: Int, _ segment: Int) -> [Int] {
    let place = (rank + world - root) % world
    let bits = place == 0 ? Int.bitWidth - 1 : place.trailingZeroBitCount
    var sources: [Int] = []
    for bit in 0..<bits where 1 << bit < world && place + 1 << bit < world {
      sources.append((place + 1 << bit + root) % world)
    }
    return sources
  }

  func sink(of rank: Int, _ segment: Int) -> Int? {
    let place = (rank + world - root) % world
    return place == 0 ? nil : ((place & (place - 1)) + root) % world
  }
}
