// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing
import ferry

@Suite("Flows table")
struct FlowsTableTests {
  @Test("a line for each placement, and the same as JSON with stable keys")
  func rows() throws {
    let fabric = try Fabric(leaves: 2, hostsPerLeaf: 1, spines: 2)
    let rows = try PlacementComparison(on: fabric, seed: Seed(1), hashes: 2).rows(.ring)
    #expect(
      FlowsTable(rows).text == """
        PLACEMENT          PIECES  LOAD  WORST  TIME  TO SPRAYING  UNPACED
        spraying                2  0.50   0.50  1.00       1.000×   1.000×
        ecmp                    2  1.00   1.00  1.00       1.000×   1.000×
        greedy-uplinks          2  1.00   1.00  1.00       1.000×   1.000×
        greedy-paths            2  1.00   1.00  1.00       1.000×   1.000×
        splitting-paper         4  0.50   0.50  1.00       1.000×   1.000×
        splitting-by-host       4  0.50   0.50  1.00       1.000×   1.000×
        splitting               4  0.50   0.50  1.00       1.000×   1.000×

        """)
    #expect(
      Console.json(FlowsLine(pattern: "ring", rows[0]))
        == #"{"congestion":0.5,"congestion_worst":0.5,"pattern":"ring","placement":"spraying","#
        + #""subflows":2,"time":1,"time_to_spraying":1,"time_to_spraying_unpaced":1}"#)
  }
}
