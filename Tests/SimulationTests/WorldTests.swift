// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerrySimulation
import Foundation
import Testing

@Suite("World")
struct WorldTests {
  static let seeds = SeedChoice.seeds(
    environment: ProcessInfo.processInfo.environment, few: 40)

  static func faulty(_ seed: Seed, seconds: Int = 20) -> World<Gossip> {
    let world = World(
      seed: seed, peers: 5, plan: .everything(until: .seconds(seconds), rate: 4), links: .wan,
      make: Gossip.init)
    world.addSanity()
    return world
  }

  @Test("the same seed gives the same events, another seed others")
  func replays() throws {
    let runs = try [1, 1, 2].map { (seed: UInt64) in
      let world = Self.faulty(Seed(seed))
      try world.run(until: .seconds(25))
      return (world.traceHash, world.eventCount, world.faults)
    }
    #expect(runs[0] == runs[1])
    #expect(runs[0].0 != runs[2].0)
    #expect(runs[0].1 > 1000)
  }

  @Test("frames keep their order and links their ends, whatever goes wrong", arguments: seeds)
  func orders(seed: Seed) throws {
    let world = Self.faulty(seed)
    try world.run(until: .seconds(30))
    #expect(world.faults.total > 50, "a fault that never fires tests nothing")
    let values = Set((0..<5).compactMap { world.logic($0)?.largest })
    #expect(values.count == 1, "after the faults all know the largest number")
    for peer in 0..<5 { #expect(world.logic(peer)?.links.count == 4) }
  }
}
