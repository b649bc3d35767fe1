// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerrySimulation
import Foundation
import Testing

@Suite("Benchmarks of the world")
struct WorldBenchmarks {
  @Test("prints events a second; small by default, full size with FERRY_BENCH=1")
  func events() throws {
    let isFull = ProcessInfo.processInfo.environment["FERRY_BENCH"] != nil
    for (name, plan) in [
      ("calm", FaultPlan.none), ("faulty", .everything(until: .seconds(100_000), rate: 4)),
    ] {
      let world = World(seed: Seed(1), peers: 8, plan: plan, make: Gossip.init)
      world.addSanity()
      // Processor time: wall time on a shared machine lies.
      let start = clock()
      try world.run(until: .seconds(isFull ? 2000 : 20))
      let seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
      let rate = Int(Double(world.eventCount) / seconds)
      print(
        "world, 8 peers, \(name): \(world.eventCount) events, \(rate) a processor second,",
        world.faults)
      #expect(world.eventCount > 1000)
    }
  }
}
