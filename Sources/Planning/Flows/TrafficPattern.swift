// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// What one host wants to send to another.
public struct Demand: Sendable, Equatable {
  /// The host that sends, from 0.
  public let source: Int
  /// The host that receives; another one.
  public let destination: Int
  /// How much, above 0, in units of flow.
  public let size: Double

  public init(from source: Int, to destination: Int, size: Double = 1) {
    self.source = source
    self.destination = destination
    self.size = size
  }
}

/// Who sends to whom in a collective operation.
public enum TrafficPattern: String, Sendable, CaseIterable {
  /// Everyone to everyone else, one unit each.
  case allToAll = "all-to-all"
  /// Each host to the next, one unit: a step of a ring all-reduce, which repeats it.
  case ring
  /// The same, the hosts in an order drawn from the seed.
  case permutedRing = "permuted-ring"
  /// An all-reduce of one unit by recursive halving, then doubling: 2 log₂ N steps, with partners
  /// at distance N/2, N/4, … 1 and back.
  case halvingDoubling = "halving-doubling"
  /// All to host 0, one unit each.
  case incast

  /// The most flows of one step.
  public static let flowsMax = 1 << 16

  /// What is sent, step after step; a step begins when the one before is complete.
  ///
  /// - Parameter seed: where the order of `.permutedRing` comes from.
  /// - Throws: `.badTraffic` below 2 hosts, above `flowsMax`, or when `.halvingDoubling` finds a
  ///   number that is no power of two.
  public func steps(hosts: Int, seed: Seed) throws(PlanningError) -> [[Demand]] {
    let flows = self == .allToAll ? hosts * (hosts - 1) : hosts
    guard hosts >= 2, flows <= Self.flowsMax else {
      throw PlanningError(
        .badTraffic, "\(rawValue) of \(hosts) hosts", at: "\(max(0, flows)) flows a step",
        remedy: "It needs 2 hosts and at most \(Self.flowsMax) flows a step.")
    }
    switch self {
    case .allToAll:
      return [
        (0..<hosts).flatMap { source in
          (0..<hosts).filter { $0 != source }.map { Demand(from: source, to: $0) }
        }
      ]
    case .ring: return [Self.ring(Array(0..<hosts))]
    case .permutedRing:
      var random = SplitMix64(seed.derived("permuted-ring"))
      return [Self.ring((0..<hosts).shuffled(using: &random))]
    case .halvingDoubling:
      guard hosts.nonzeroBitCount == 1 else {
        throw PlanningError(
          .badTraffic, "\(rawValue) of \(hosts) hosts", at: "the number of hosts",
          remedy: "It needs a power of two.")
      }
      let halving = (1...hosts.trailingZeroBitCount).map { step in
        (0..<hosts).map { host in
          Demand(from: host, to: host ^ (hosts >> step), size: 1 / Double(1 << step))
        }
      }
      return halving + halving.reversed()
    case .incast: return [(1..<hosts).map { Demand(from: $0, to: 0) }]
    }
  }

  private static func ring(_ order: [Int]) -> [Demand] {
    order.indices.map { Demand(from: order[$0], to: order[($0 + 1) % order.count]) }
  }
}
