// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import Foundation
import Testing

/// How long a group of the greatest size that is measured takes to choose its way: once after its
/// links were measured, and then again for each new length.
@Suite("Path benchmarks")
struct PathBenchmarks {
  static let isAsked = ProcessInfo.processInfo.environment["FERRY_BENCH"] != nil

  @Test("planning among 32 uneven members", .enabled(if: isAsked, "FERRY_BENCH=1"))
  func planning() throws {
    var chance = SplitMix64(Seed(32))
    var plans: [Double] = []
    var choices: [Double] = []
    for _ in 0..<9 {
      let lines = (0..<32).map { _ in Double.random(in: 1e6...1e8, using: &chance) }
      let trips = (0..<32).map { _ in Double.random(in: 200...80_000, using: &chance) }
      let map = try #require(
        PathMap(32) { from, to in
          PathFigure.code(min(lines[from], lines[to]))
        } trip: { from, to in
          PathFigure.code((trips[from] + trips[to]) / 2)
        })
      let task = PathTask(bytes: 64 << 20)
      let start = ContinuousClock.now
      let planner = PathPlanner(map)
      let planned = ContinuousClock.now
      let choice = planner.choice(task, usual: PathPlannerTests.usual(task, world: 32))
      choices.append((ContinuousClock.now - planned) / .milliseconds(1))
      plans.append((planned - start) / .milliseconds(1))
      #expect(choice.plan != nil)
    }
    plans.sort()
    choices.sort()
    print(
      "planning among 32: candidates \(plans[4]) ms, each length \(choices[4]) ms (medians of 9)")
  }
}
