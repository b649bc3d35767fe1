// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// What is known of the links between ranks, agreed by all: it decides who speaks to whom.
///
/// What it leaves out is as if all links were alike.
public struct Topology: Sendable, Hashable {
  /// The most nested partitions: hosts, islands, and what lies around them.
  public static let levelsMax = 4

  /// The ring's order, a permutation of the ranks; empty: by rank.
  public var order: [Int]
  /// The rank in the middle of a star, and the root of a tree.
  public var hub: Int
  /// How much of a vector each rank adds up, in proportion: its speed; finite, ≥ 0, not all 0. Empty:
  /// all the same.
  public var shares: [Double]
  /// Partitions of the ranks, innermost first, each a refinement of the next: groups of ranks with
  /// fast links among them. One partition makes a hierarchy of two levels. Empty: all ranks are one
  /// island.
  public var islands: [[[Int]]]
  /// Processors limit, and not links: what travels alone may be longer.
  public var areLinksFast: Bool

  public init(
    order: [Int] = [], hub: Int = 0, shares: [Double] = [], islands: [[[Int]]] = [],
    areLinksFast: Bool = false
  ) {
    self.order = order
    self.hub = hub
    self.shares = shares
    self.islands = islands
    self.areLinksFast = areLinksFast
  }

  /// - Throws: `.badGroup` when it is not one of so many ranks.
  func check(world: Int) throws(CollectiveError) {
    func refused(_ what: String) -> CollectiveError {
      CollectiveError(
        .badGroup, what, place: "topology of \(world) ranks",
        remedy: "Every rank must stand in it once; leave out what is not known.")
    }
    func isEachOnce(_ ranks: [Int]) -> Bool {
      ranks.count == world && ranks.sorted() == Array(0..<world)
    }
    guard order.isEmpty || isEachOnce(order) else { throw refused("the ring is \(order)") }
    guard (0..<world).contains(hub) else { throw refused("the hub is rank \(hub)") }
    let areShares =
      shares.count == world && shares.allSatisfy({ $0 >= 0 && $0.isFinite })
      && shares.contains(where: { $0 > 0 })
    guard shares.isEmpty || areShares else { throw refused("the shares are \(shares)") }
    guard islands.count <= Self.levelsMax else {
      throw refused("\(islands.count) levels of islands are more than \(Self.levelsMax)")
    }
    for level in islands where !isEachOnce(level.flatMap(\.self)) || level.contains([]) {
      throw refused("the islands are \(level)")
    }
    for (inner, outer) in zip(islands, islands.dropFirst()) {
      for island in inner where !outer.contains(where: { Set($0).isSuperset(of: island) }) {
        throw refused("the island \(island) is cut by the level around it")
      }
    }
  }
}

extension ByteWriter {
  mutating func put(_ topology: Topology) {
    put(each: topology.order) { $0.put(UInt16($1)) }
    put(UInt16(topology.hub))
    put(each: topology.shares) { $0.put($1) }
    put(each: topology.islands) { out, level in
      out.put(each: level) { out, island in out.put(each: island) { $0.put(UInt16($1)) } }
    }
    put(UInt8(topology.areLinksFast ? 1 : 0))
  }
}

extension ByteReader {
  private mutating func ranks() throws(MalformedMessage) -> [Int] {
    try each(max: Reduction.worldMax, byteCountMin: 2) { reader throws(MalformedMessage) in
      Int(try reader.number(UInt16.self))
    }
  }

  mutating func topology() throws(MalformedMessage) -> Topology {
    let order = try ranks()
    let hub = Int(try number(UInt16.self))
    let shares = try each(max: Reduction.worldMax, byteCountMin: 8) {
      reader throws(MalformedMessage) in try reader.double()
    }
    let islands = try each(max: Topology.levelsMax, byteCountMin: 4) {
      reader throws(MalformedMessage) in
      try reader.each(max: Reduction.worldMax, byteCountMin: 4) {
        reader throws(MalformedMessage) in try reader.ranks()
      }
    }
    let links = try number(UInt8.self)
    guard links <= 1 else { throw malformed("links are fast: \(links), neither 0 nor 1") }
    return Topology(
      order: order, hub: hub, shares: shares, islands: islands, areLinksFast: links == 1)
  }
}
