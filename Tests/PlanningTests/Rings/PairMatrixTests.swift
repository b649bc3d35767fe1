// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Pair matrix")
struct PairMatrixTests {
  @Test("each direction is its own, and what was not measured is no link")
  func directions() throws {
    var matrix = try PairMatrix(members: 3)
    try matrix.set(from: 0, to: 1, PairLink(latency: .seconds(1), bytesPerSecond: 2))
    #expect(matrix[0, 1] == PairLink(latency: .seconds(1), bytesPerSecond: 2))
    #expect(matrix[1, 0] == nil)
  }

  @Test("what cannot be measured is refused")
  func refuses() throws {
    #expect(throws: PlanningError.self) { try PairMatrix(members: 0) }
    #expect(throws: PlanningError.self) { try PairMatrix(members: 257) }
    let good = PairLink(latency: .zero, bytesPerSecond: 1)
    for (from, to) in [(0, 0), (0, 3), (-1, 0)] {
      #expect(throws: PlanningError.self) {
        var matrix = try PairMatrix(members: 3)
        try matrix.set(from: from, to: to, good)
      }
    }
    for link in [
      PairLink(latency: .seconds(-1), bytesPerSecond: 1),
      PairLink(latency: .seconds(3601), bytesPerSecond: 1),
      PairLink(latency: .zero, bytesPerSecond: 0.5),
      PairLink(latency: .zero, bytesPerSecond: .nan),
      PairLink(latency: .zero, bytesPerSecond: .infinity),
    ] {
      #expect(throws: PlanningError.self) {
        var matrix = try PairMatrix(members: 3)
        try matrix.set(from: 0, to: 1, link)
      }
    }
    let error = #expect(throws: PlanningError.self) {
      var matrix = try PairMatrix(members: 3)
      try matrix.set(from: 2, to: 1, PairLink(latency: .zero, bytesPerSecond: 0))
    }
    #expect(
      error?.description
        == "links-out-of-range: 0.0 bytes a second (from member 2 to member 1). It is at least 1; "
        + "leave out a pair that has no link.")
  }
}
