// SPDX-License-Identifier: Apache-2.0

import Testing
import ferry

@Suite("The table of peers")
struct PeerListingTests {
  @Test("each peer has its line, with what was measured on the way from it")
  func lines() {
    let lines = PeerListing(sampleStatus().peers).text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].contains("ROUND TRIP") && lines[0].contains("SPEED"))
    let south = lines[2].split(separator: " ").map(String.init)
    #expect(
      south == [
        "south", "joining", "10.0.0.2:7700", "12", "ms", "25.0", "MB/s", "12", "B", "29.0", "MB",
        "12D3KooWb",
      ])
    // Of itself a peer measures nothing.
    #expect(lines[1].split(separator: " ").count { $0 == "–" } == 2)
  }
}
