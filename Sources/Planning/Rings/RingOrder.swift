// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// The order in which members pass chunks on to each other.
///
/// A ring all-reduce is as fast as its slowest edge, so the best order has the fastest slowest edge,
/// and among those the least latency all round. (The sum of inverse bandwidths, which a travelling
/// salesman would minimise, is not the time of a ring.) The same matrix and seed give the same order
/// on every machine: only comparisons, integers and the four operations are used.
public struct RingOrder: Sendable, Equatable {
  /// How an order was found.
  public enum Method: String, Sendable {
    /// As the members are listed: 1 or 2 of them, or nothing better was found.
    case listed
    /// The best of all orders.
    case exact
    /// The best that a search from a seed met.
    case annealed
  }

  /// Up to this many members the best of all orders is found.
  public static let exactMembersMax = 12

  /// The members, beginning with the first listed; the last passes on to the first.
  public let members: [Int]
  /// How it was found.
  public let method: Method
  /// Bytes a second of the slowest edge; infinite for one member, who has none.
  public let slowest: Double
  /// The sum of the latencies of all edges.
  public let latency: Duration

  /// The figures of an order, however it was found.
  ///
  /// - Throws: `.noRing` when two neighbours in it have no link.
  public init(
    _ members: [Int], on matrix: PairMatrix, method: Method = .listed
  ) throws(PlanningError) {
    precondition(members.sorted() == Array(0..<matrix.count), "\(members) is no order of all")
    let quality = RingQuality(members, on: matrix)
    if quality.slowest == 0 {
      let gap = members.indices.first { at in
        matrix.speed(members[at], members[(at + 1) % members.count]) == 0
      }!
      throw PlanningError(
        .noRing, "the ring needs a link that is not there",
        at: "from member \(members[gap]) to member \(members[(gap + 1) % members.count])",
        remedy: "Measure that pair, or take an order without it.")
    }
    self.members = members
    self.method = method
    slowest = quality.slowest
    latency = .nanoseconds(quality.nanoseconds)
  }

  /// The best order: of all up to `exactMembersMax` members, else the best of a search that is never
  /// worse than the listed order.
  ///
  /// - Parameter seed: of the search; all members use the same.
  /// - Throws: `.noRing` when no ring over the links was found.
  /// - Complexity: O(2ⁿ n²) exact; about n² log n steps of search beyond.
  public static func best(on matrix: PairMatrix, seed: Seed) throws(PlanningError) -> RingOrder {
    let listed = Array(0..<matrix.count)
    guard matrix.count > 2 else { return try RingOrder(listed, on: matrix) }
    let isExact = matrix.count <= exactMembersMax
    let found =
      isExact ? ExactRing.order(on: matrix) : AnnealedRing(matrix, seed: seed).order()
    guard let found, RingQuality(found, on: matrix).slowest > 0 else {
      throw PlanningError(
        .noRing, isExact ? "no ring passes all members" : "no ring through all members was found",
        at: "\(matrix.count) members",
        remedy: "Measure more pairs, or use an all-reduce without a ring.")
    }
    guard RingQuality(found, on: matrix) > RingQuality(listed, on: matrix) else {
      return try RingOrder(listed, on: matrix, method: isExact ? .exact : .listed)
    }
    return try RingOrder(found, on: matrix, method: isExact ? .exact : .annealed)
  }
}

/// What makes one order better than another: the slowest edge first, then the latency.
struct RingQuality: Comparable {
  let slowest: Double
  let nanoseconds: Int

  init(_ members: [Int], on matrix: PairMatrix) {
    var slowest = Double.infinity
    var nanoseconds = 0
    for at in members.indices where members.count > 1 {
      let (from, to) = (members[at], members[(at + 1) % members.count])
      slowest = min(slowest, matrix.speed(from, to))
      nanoseconds += matrix.nanoseconds(from, to)
    }
    self.slowest = slowest
    self.nanoseconds = nanoseconds
  }

  static func < (one: RingQuality, other: RingQuality) -> Bool {
    (one.slowest, -one.nanoseconds) < (other.slowest, -other.nanoseconds)
  }
}
