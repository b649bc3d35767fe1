// SPDX-License-Identifier: Apache-2.0

/// What was measured of a link from one member to another.
public struct PairLink: Sendable, Equatable {
  /// How long the first byte takes, one way; not negative.
  public let latency: Duration
  /// Bytes a second, above 0 and finite.
  public let bytesPerSecond: Double

  public init(latency: Duration, bytesPerSecond: Double) {
    self.latency = latency
    self.bytesPerSecond = bytesPerSecond
  }
}

/// The measured links of a group, each direction for itself; a pair that was not measured, or has
/// no link, is nil.
public struct PairMatrix: Sendable, Equatable {
  /// The most members.
  public static let membersMax = 256
  /// The longest latency; longer is no link.
  public static let latencySecondsMax = 3600
  /// The fastest link that is believed, in bytes a second.
  static let speedMax = 1e15

  /// How many members, in their listed order; at least 1.
  public let count: Int
  private var links: [PairLink?]

  /// Without any link yet.
  ///
  /// - Throws: `.badLinks` below 1 member or above `membersMax`.
  public init(members count: Int) throws(PlanningError) {
    guard (1...Self.membersMax) ~= count else {
      throw PlanningError(
        .badLinks, "a group of \(count)", at: "the matrix of links",
        remedy: "It holds 1 to \(Self.membersMax) members.")
    }
    self.count = count
    links = Array(repeating: nil, count: count * count)
  }

  /// The link from one member to another.
  public subscript(from: Int, to: Int) -> PairLink? { links[from * count + to] }

  /// Enters a measurement, over any before.
  ///
  /// - Throws: `.badLinks` for a member that is not there or itself, a latency below 0 or above
  ///   `latencySecondsMax`, a speed below 1 byte a second or not finite.
  public mutating func set(from: Int, to: Int, _ link: PairLink) throws(PlanningError) {
    let place = "from member \(from) to member \(to)"
    guard (0..<count) ~= from, (0..<count) ~= to, from != to else {
      throw PlanningError(
        .badLinks, "no such pair among \(count) members", at: place,
        remedy: "A link joins two members, numbered from 0.")
    }
    guard link.latency >= .zero, link.latency <= .seconds(Self.latencySecondsMax) else {
      throw PlanningError(
        .badLinks, "a latency of \(link.latency)", at: place,
        remedy: "It is 0 to \(Self.latencySecondsMax) seconds.")
    }
    guard (1...Self.speedMax).contains(link.bytesPerSecond) else {
      throw PlanningError(
        .badLinks, "\(link.bytesPerSecond) bytes a second", at: place,
        remedy: "It is at least 1; leave out a pair that has no link.")
    }
    links[from * count + to] = link
  }

  /// The speed of a link, 0 where there is none.
  func speed(_ from: Int, _ to: Int) -> Double { links[from * count + to]?.bytesPerSecond ?? 0 }

  /// The latency of a link in whole nanoseconds, so that sums are the same in any order.
  func nanoseconds(_ from: Int, _ to: Int) -> Int {
    guard let latency = links[from * count + to]?.latency else { return 0 }
    let (seconds, attoseconds) = latency.components
    return Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
  }
}
