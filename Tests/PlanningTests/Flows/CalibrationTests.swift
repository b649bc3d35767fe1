// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Calibration")
struct CalibrationTests {
  @Test(arguments: [4, 5, 6, 8])
  func explore(spines: Int) throws {
    let fabric = try Fabric(leaves: 8, hostsPerLeaf: 8, spines: spines)
    for pattern in TrafficPattern.allCases {
      for row in try PlacementComparison(on: fabric, seed: Seed(1)).rows(pattern) {
        print(spines, pattern.rawValue, row.placement, row.subflows, row.congestion, row.congestionWorst, row.time, row.timeToSpraying)
      }
    }
    if spines == 8 {
      let f = try fabric.failing(spines: [3])
      for pattern in TrafficPattern.allCases {
        for row in try PlacementComparison(on: f, seed: Seed(1)).rows(pattern) {
          print("failed", pattern.rawValue, row.placement, row.subflows, row.congestion, row.congestionWorst, row.time, row.timeToSpraying)
        }
      }
    }
  }
}
