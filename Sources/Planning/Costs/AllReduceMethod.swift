// SPDX-License-Identifier: Apache-2.0

/// What is known of the links of a group whose links are all alike.
public struct LinkProfile: Sendable, Equatable {
  /// How long the first byte takes, one way: α.
  public let latency: Duration
  /// What a member sends, and receives at the same time, in bytes a second: B.
  public let bytesPerSecond: Double
  /// The part of B that is left when several send to one member at once, above 0, at most 1: queues
  /// overflow, and what is lost is sent again. Measured; 1 is a network without that trouble.
  public let fanIn: Double

  /// - Throws: `.badLinks` for a latency outside 0 to an hour, a speed outside 1 to 10¹⁵ bytes a
  ///   second, a `fanIn` outside 0.01 to 1.
  public init(
    latency: Duration, bytesPerSecond: Double, fanIn: Double = 1
  ) throws(PlanningError) {
    guard latency >= .zero, latency <= .seconds(PairMatrix.latencySecondsMax),
      (1...PairMatrix.speedMax).contains(bytesPerSecond), (0.01...1).contains(fanIn)
    else {
      throw PlanningError(
        .badLinks, "\(latency), \(bytesPerSecond) bytes a second, \(fanIn) of it shared",
        at: "the profile of a link",
        remedy:
          "Latency is 0 to \(PairMatrix.latencySecondsMax) s, speed 1 to 1e15, fan-in 0.01 to 1.")
    }
    self.latency = latency
    self.bytesPerSecond = bytesPerSecond
    self.fanIn = fanIn
  }
}

/// A way to sum a vector over a group, and what it costs: `hops · α + bytes / B`.
///
/// The linear model of Hockney (1994), as Thakur, Rabenseifner and Gropp use it ("Optimization of
/// collective communication operations in MPICH", 2005, §4). Adding numbers up costs nothing in it, and
/// every member's link is full duplex and its own. With N members and S bytes:
public enum AllReduceMethod: String, Sendable, CaseIterable {
  /// Everyone to everyone, whole: `α + (N − 1) S/B`.
  case oneShot = "one-shot"
  /// Each share straight to its owner, the sum straight back: `2α + 2 (N − 1)/N · S/B`.
  case direct
  /// Recursive halving and doubling (Rabenseifner): `2 log₂N α + 2 (N − 1)/N · S/B`; with M the
  /// largest power of two in N, and N not one: that of M, and `2 (α + S/B)` for the others to hand
  /// theirs in and get the sum.
  case halvingDoubling = "halving-doubling"
  /// Round a ring (Patarasuk and Yuan 2009): `2 (N − 1) α + 2 (N − 1)/N · S/B`.
  case ring
  /// A binomial tree up, and down again: `2 ⌈log₂N⌉ (α + S/B)`.
  case tree
  /// All to a hub and back (TPI-LLM, arXiv 2410.00531, §3): `2α + 2 (N − 1) S/B`, B the hub's.
  case star

  /// The largest group that is reckoned with.
  public static let worldMax = 1024
  /// The longest vector that is reckoned with, in bytes.
  public static let bytesMax = 1 << 48

  /// Messages that wait for each other, one after the other.
  ///
  /// - Parameter world: members, 1 to `worldMax`.
  public func hops(world: Int) -> Int {
    precondition((1...Self.worldMax) ~= world, "a group of \(world)")
    guard world > 1 else { return 0 }
    return switch self {
    case .oneShot: 1
    case .direct, .star: 2
    case .ring: 2 * (world - 1)
    case .tree: 2 * Self.ceilingOfLog2(world)
    case .halvingDoubling:
      2 * Self.floorOfLog2(world) + (world.nonzeroBitCount == 1 ? 0 : 2)
    }
  }

  /// Bytes that pass the busiest member's link one after the other, in one direction; for methods in
  /// which members wait for each other, all that are waited for.
  ///
  /// - Parameters:
  ///   - world: members, 1 to `worldMax`.
  ///   - bytes: of the vector, 0 to `bytesMax`.
  public func bytesInSeries(world: Int, bytes: Int) -> Double {
    precondition((1...Self.worldMax) ~= world, "a group of \(world)")
    precondition((0...Self.bytesMax) ~= bytes, "\(bytes) bytes")
    guard world > 1 else { return 0 }
    let (n, s) = (Double(world), Double(bytes))
    switch self {
    case .oneShot: return (n - 1) * s
    case .star: return 2 * (n - 1) * s
    case .direct, .ring: return 2 * (n - 1) / n * s
    case .tree: return 2 * Double(Self.ceilingOfLog2(world)) * s
    case .halvingDoubling:
      let power = Double(1 << Self.floorOfLog2(world))
      return 2 * (power - 1) / power * s + (power == n ? 0 : 2 * s)
    }
  }

  /// Whether several send to one member at once.
  public var fansIn: Bool {
    switch self {
    case .oneShot, .direct, .star: true
    case .ring, .tree, .halvingDoubling: false
    }
  }

  /// How long an all-reduce should take.
  ///
  /// - Parameters:
  ///   - world: members, 1 to `worldMax`.
  ///   - bytes: of the vector, 0 to `bytesMax`.
  public func time(world: Int, bytes: Int, over link: LinkProfile) -> Duration {
    let speed = link.bytesPerSecond * (fansIn && world > 2 ? link.fanIn : 1)
    return link.latency * hops(world: world)
      + .seconds(bytesInSeries(world: world, bytes: bytes) / speed)
  }

  private static func floorOfLog2(_ n: Int) -> Int { Int.bitWidth - 1 - n.leadingZeroBitCount }

  private static func ceilingOfLog2(_ n: Int) -> Int { n == 1 ? 0 : floorOfLog2(n - 1) + 1 }
}
