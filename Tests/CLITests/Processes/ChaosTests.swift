// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Real processes, killed, stopped and started again; `FERRY_CHAOS_SECONDS` says for how long if not
/// for a few, and `FERRY_SEED` replays a schedule.
@Suite("Chaos", .serialized)
struct ChaosTests {
  static let environment = ProcessInfo.processInfo.environment
  static let seconds = Double(environment["FERRY_CHAOS_SECONDS"] ?? "") ?? 15
  static let seed = UInt64(environment["FERRY_SEED"] ?? "") ?? 1
  static let peersMax = 4

  @Test(
    "random kills, stops and restarts end with equal hashes and clean ledgers",
    .disabled(if: Laboratory.isHere))
  func storm() throws {
    let crew = try Crew(size: Self.peersMax, seed: Self.seed)
    var counts = ["kill": 0, "stop": 0, "start": 0]
    for slot in 0..<Self.peersMax { try crew.begin(slot, through: crew.up) }
    #expect(crew.allWork(beyond: 0, within: 60))

    let end = Date(timeIntervalSinceNow: Self.seconds)
    while Date.now < end {
      Thread.sleep(forTimeInterval: crew.seconds(0.3...1.5))
      crew.resume()
      crew.expectNobodyEnded()
      let (up, peers) = (crew.up, crew.peers.count)
      switch crew.roll(3) {
      case 0 where up.count == Self.peersMax || (up.count == 3 && peers == 3):
        crew.kill(crew.any(of: up))
        counts["kill"]! += 1
      case 1 where up.count == peers && up.count >= 3:
        crew.stop(crew.any(of: up), for: crew.seconds(0.2...4.2))
        counts["stop"]! += 1
      default:
        if let slot = crew.free.first {
          try crew.begin(slot, through: crew.up)
          counts["start"]! += 1
        }
      }
    }
    let rounds = try crew.settle()
    #expect(rounds > 10)
    print("chaos: seed \(Self.seed), \(counts), \(rounds) rounds, \(crew.lives) lives")
  }
}
