// SPDX-License-Identifier: Apache-2.0

/// What a way to sum a vector over a group costs: `hops · α + bytes / B`. The ways themselves, and their
/// names, are `AllReduceAlgorithm`'s in `Collectives`.
///
/// The linear model of Hockney (1994), as Thakur, Rabenseifner and Gropp use it ("Optimization of
/// collective communication operations in MPICH", 2005, §4). Adding numbers up costs nothing in it, and
/// every member's link is full duplex and its own. With N members and S bytes.
public struct AllReduceCost: Sendable, Equatable {
  /// The largest group that is reckoned with.
  public static let worldMax = 1024
  /// The longest vector that is reckoned with, in bytes.
  public static let bytesMax = 1 << 48

  /// Messages that wait for each other, one after the other.
  public let hops: Int
  /// Bytes that pass the busiest member's link one after the other, in one direction; for ways in
  /// which members wait for each other, all that are waited for.
  public let bytesInSeries: Double
  /// Whether several send to one member at once.
  public let fansIn: Bool

  private init(_ world: Int, hops: Int, bytes: Double, fansIn: Bool) {
    self.hops = world > 1 ? hops : 0
    bytesInSeries = world > 1 ? bytes : 0
    self.fansIn = fansIn && world > 2
  }

  /// How long it should take.
  public func time(over link: LinkProfile) -> Duration {
    link.latency * hops
      + .seconds(bytesInSeries / (link.bytesPerSecond * (fansIn ? link.fanIn : 1)))
  }

  // MARK: The ways; `world` is 1 to `worldMax` members, `bytes` are 0 to `bytesMax` of the vector.

  /// Everyone to everyone, whole: `α + (N − 1) S/B`.
  public static func oneShot(world: Int, bytes: Int) -> AllReduceCost {
    let (n, s) = checked(world, bytes)
    return AllReduceCost(world, hops: 1, bytes: (n - 1) * s, fansIn: true)
  }

  /// Each share straight to its owner, the sum straight back: `2α + 2 (N − 1)/N · S/B`.
  public static func direct(world: Int, bytes: Int) -> AllReduceCost {
    let (n, s) = checked(world, bytes)
    return AllReduceCost(world, hops: 2, bytes: 2 * (n - 1) / n * s, fansIn: true)
  }

  /// Recursive halving and doubling (Rabenseifner): `2 log₂N α + 2 (N − 1)/N · S/B`; with M the
  /// largest power of two in N, and N not one: that of M, and `2 (α + S/B)` for the others to hand
  /// theirs in and get the sum.
  public static func halvingDoubling(world: Int, bytes: Int) -> AllReduceCost {
    let (n, s) = checked(world, bytes)
    let levels = floorOfLog2(world)
    let power = Double(1 << levels)
    let isWhole = power == n
    return AllReduceCost(
      world, hops: 2 * levels + (isWhole ? 0 : 2),
      bytes: 2 * (power - 1) / power * s + (isWhole ? 0 : 2 * s), fansIn: false)
  }

  /// Round a ring (Patarasuk and Yuan 2009): `2 (N − 1) α + 2 (N − 1)/N · S/B`.
  public static func ring(world: Int, bytes: Int) -> AllReduceCost {
    let (n, s) = checked(world, bytes)
    return AllReduceCost(world, hops: 2 * (world - 1), bytes: 2 * (n - 1) / n * s, fansIn: false)
  }

  /// A binomial tree up, and down again: `2 ⌈log₂N⌉ (α + S/B)`.
  public static func tree(world: Int, bytes: Int) -> AllReduceCost {
    let (_, s) = checked(world, bytes)
    let levels = world == 1 ? 0 : floorOfLog2(world - 1) + 1
    return AllReduceCost(world, hops: 2 * levels, bytes: 2 * Double(levels) * s, fansIn: false)
  }

  /// All to a hub and back (TPI-LLM, arXiv 2410.00531, §3): `2α + 2 (N − 1) S/B`, B the hub's.
  public static func star(world: Int, bytes: Int) -> AllReduceCost {
    let (n, s) = checked(world, bytes)
    return AllReduceCost(world, hops: 2, bytes: 2 * (n - 1) * s, fansIn: true)
  }

  /// Directly among the members of an island, then among like members of all islands, and so on; what
  /// each level costs, to be timed over its own links: with groups of g members, of which p members
  /// share the vector already, `2α + 2 (g − 1)/g · S/p / B`.
  ///
  /// - Parameter groups: how many meet at each level, innermost first: of 16 members on 4 hosts
  ///   `[4, 4]`. Their product is the world.
  public static func hierarchical(groups: [Int], bytes: Int) -> [AllReduceCost] {
    _ = checked(groups.reduce(1, *), bytes)
    var share = Double(bytes)
    return groups.map { group in
      defer { share /= Double(group) }
      let g = Double(group)
      return AllReduceCost(group, hops: 2, bytes: 2 * (g - 1) / g * share, fansIn: true)
    }
  }

  private static func checked(_ world: Int, _ bytes: Int) -> (Double, Double) {
    precondition((1...worldMax) ~= world, "a group of \(world)")
    precondition((0...bytesMax) ~= bytes, "\(bytes) bytes")
    return (Double(world), Double(bytes))
  }

  private static func floorOfLog2(_ n: Int) -> Int { Int.bitWidth - 1 - n.leadingZeroBitCount }
}
