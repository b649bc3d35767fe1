// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import Testing

/// What ways promise about who speaks to whom; counted on the machines themselves.
@Suite("Routes")
struct RouteTests {
  /// What each rank sends to each in an all-reduce of 840 floats, 3360 bytes.
  private func traffic(
    _ way: AllReduceAlgorithm, world: Int, topology: Topology = Topology()
  ) throws -> [[Int]] {
    try AllReduceTests.fabric(
      way, count: 840, weights: Array(repeating: 1, count: world), topology: topology
    ) { rank in sample(840, Seed(UInt64(rank))) }.bytesBetween
  }

  private func links(_ traffic: [[Int]]) -> Set<[Int]> {
    var links: Set<[Int]> = []
    for (from, row) in traffic.enumerated() {
      for (to, bytes) in row.enumerated() where bytes > 0 { links.insert([from, to]) }
    }
    return links
  }

  @Test("a ring goes round in its order, and only there")
  func ring() throws {
    let traffic = try traffic(.ring, world: 4, topology: Topology(order: [2, 0, 3, 1]))
    #expect(links(traffic) == [[2, 0], [0, 3], [3, 1], [1, 2]])
  }

  @Test("a ring's segments are as long as their shares")
  func shares() throws {
    var traffic = try traffic(.direct, world: 4, topology: Topology(shares: [1, 2, 3, 1]))
    #expect(traffic.map { $0.reduce(0, +) } == [480, 960, 1440, 480].map { 3360 + 2 * $0 })
    traffic = try self.traffic(.direct, world: 4, topology: Topology(shares: [0, 1, 1, 0]))
    // Who sums nothing only sends its own.
    #expect(traffic[0] == [0, 1680, 1680, 0] && traffic[1] == [1680, 0, 3360, 1680])
  }

  @Test("a star has its hub in the middle")
  func star() throws {
    let traffic = try traffic(.star, world: 4, topology: Topology(hub: 2))
    #expect(links(traffic) == [[0, 2], [1, 2], [3, 2], [2, 0], [2, 1], [2, 3]])
  }

  @Test(
    "a tree has as many edges as ranks but one, and halves its depth's powers", arguments: 1...9)
  func tree(world: Int) throws {
    let hub = world / 3
    let links = links(try traffic(.tree, world: world, topology: Topology(hub: hub)))
    #expect(links.count == 2 * (world - 1))
    #expect(links.allSatisfy { links.contains($0.reversed()) })
    // Counted from the hub, each but the first loses its lowest bit.
    for rank in 0..<world where rank != hub {
      let place = (rank - hub + world) % world
      #expect(links.contains([rank, (place & (place - 1) + hub) % world]))
    }
  }

  @Test("between islands of any sizes only those speak who stand for a segment", arguments: 2...9)
  func islands(world: Int) throws {
    let cut = world / 3 + 1
    let topology = Topology(islands: [[Array(0..<cut), Array(cut..<world)]])
    let traffic = try traffic(.hierarchical, world: world, topology: topology)
    var between = 0
    for from in 0..<world {
      for to in 0..<world where (from < cut) != (to < cut) { between += traffic[from][to] }
    }
    // Each segment's sum crosses once, and its result once.
    #expect(between == 2 * 3360)
  }
}
