// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

@Suite("Topology")
struct TopologyTests {
  @Test(
    "one of another world is refused, and says what is wrong",
    arguments: [
      (Topology(order: [0, 1]), "the ring is [0, 1]"),
      (Topology(order: [0, 1, 1]), "the ring is [0, 1, 1]"),
      (Topology(hub: 3), "the hub is rank 3"),
      (Topology(shares: [1, 1]), "the shares are [1.0, 1.0]"),
      (Topology(shares: [0, 0, 0]), "the shares are [0.0, 0.0, 0.0]"),
      (Topology(shares: [1, .nan, 1]), "the shares are [1.0, nan, 1.0]"),
      (Topology(islands: [[[0, 1]]]), "the islands are [[0, 1]]"),
      (Topology(islands: [[[0, 1], [1, 2]]]), "the islands are [[0, 1], [1, 2]]"),
      (Topology(islands: [[[0, 1, 2], []]]), "the islands are [[0, 1, 2], []]"),
      (
        Topology(islands: [[[0, 1], [2]], [[0], [1, 2]]]),
        "the island [0, 1] is cut by the level around it"
      ),
      (
        Topology(islands: Array(repeating: [[0, 1, 2]], count: 5)),
        "5 levels of islands are more than 4"
      ),
    ] as [(Topology, String)])
  func refused(topology: Topology, what: String) {
    let error = #expect(throws: CollectiveError.self) {
      try Reduction(
        rank: 0, weights: [1, 1, 1], codec: Float32Codec(), operation: .sum, seed: Seed(1),
        topology: topology)
    }
    #expect(
      error?.description == """
        bad-group: \(what) (topology of 3 ranks). \
        Every rank must stand in it once; leave out what is not known.
        """)
  }
}
