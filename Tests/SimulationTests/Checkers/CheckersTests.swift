// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerrySimulation
import Testing

@Suite("Checkers")
struct CheckersTests {
  /// Gossip whose peer 1 forgets what it knew after some frames.
  static func world(bugAt: Int, plan: FaultPlan = .none) -> World<Gossip> {
    World(seed: Seed(3), peers: 3, plan: plan) { birth in
      var logic = Gossip(birth)
      logic.bugAt = birth.index == 1 ? bugAt : 0
      return logic
    }
  }

  @Test("agreement finds the peer that holds something else, and names the seed")
  func agreement() throws {
    func agreed() -> Agreement<Gossip, Int, UInt64> {
      Agreement("largest number") { logic in
        logic.receivedCount > 4 ? (key: 0, value: logic.largest) : nil
      }
    }
    let sound = Self.world(bugAt: 0)
    sound.add(agreed())
    try sound.run(until: .seconds(5))

    let broken = Self.world(bugAt: 40)
    broken.add(agreed())
    let failure = #expect(throws: WorldFailure.self) { try broken.run(until: .seconds(5)) }
    let largest = sound.logic(0)?.largest ?? 0
    #expect(failure?.code == .invariantBroken)
    #expect(failure?.what == "peer-1 holds 1 for 0, peer-0 \(largest)")
    #expect(
      failure?.remedy.hasPrefix(
        "Replay: FERRY_SEED=3 swift test -c release --filter <this test>. Faults so far: no faults."
          + "\nLast events:\n  ") == true)
    #expect(failure?.trace.last?.hasSuffix("exchange, 16 bytes") == true)
    #expect(throws: WorldFailure.self) { try broken.run(until: .seconds(6)) }
  }

  @Test("agreement on a log compares every entry, and a process may not forget any")
  func log() throws {
    let world = World(seed: Seed(3), peers: 2, make: Recorder.init)
    world.add(
      Agreement<Recorder, Int, UInt8>("log") { logic in
        logic.received.enumerated().map { (key: $0.offset, value: $0.element) }
      })
    for (peer, bytes) in [(0, [1, 2, 3] as [UInt8]), (1, [1, 2, 4])] {
      world.inject(at: .seconds(peer + 1), peer: peer) { logic, _ in
        logic.received = bytes
        return []
      }
    }
    let failure = #expect(throws: WorldFailure.self) { try world.run(until: .seconds(5)) }
    #expect(failure?.what == "peer-1 holds 4 for 2, peer-0 3")

    let forgetful = World(seed: Seed(3), peers: 1, make: Recorder.init)
    forgetful.add(
      Agreement<Recorder, Int, UInt8>("log") { logic in
        logic.received.enumerated().map { (key: $0.offset, value: $0.element) }
      })
    for (second, bytes) in [(1, [1, 2, 3] as [UInt8]), (2, [1])] {
      forgetful.inject(at: .seconds(second), peer: 0) { logic, _ in
        logic.received = bytes
        return []
      }
    }
    let forgot = #expect(throws: WorldFailure.self) { try forgetful.run(until: .seconds(5)) }
    #expect(forgot?.what == "peer-0 forgot 2 of 3 decisions")
  }

  @Test("progress finds a peer that stands still once the faults are over, not before")
  func progress() throws {
    var plan = FaultPlan(until: .seconds(10))
    plan.script = [ScriptedFault(at: .seconds(1), .stop(2), lasting: .seconds(8))]
    func world(dead: Bool) -> World<Gossip> {
      let world = Self.world(bugAt: 0, plan: plan)
      world.add(Progress(after: plan.until, within: .seconds(1)) { $0.receivedCount })
      if dead {
        // Asks for no further alarm in time: a logic that forgot its timer.
        world.inject(at: .seconds(12), peer: 1) { _, now in [.wake(at: now + .seconds(3600))] }
        world.inject(at: .seconds(12), peer: 2) { _, now in [.wake(at: now + .seconds(3600))] }
      }
      return world
    }
    try world(dead: false).run(until: .seconds(30))
    let failure = #expect(throws: WorldFailure.self) {
      try world(dead: true).run(until: .seconds(30))
    }
    #expect(failure?.what.hasPrefix("peer-0 stands still at ") == true)
    #expect(failure?.checker == "progress")
  }

  @Test("an invariant is checked after every event")
  func always() {
    let world = Self.world(bugAt: 40)
    world.add(
      Always("knows more than 1") { logic, peer in
        logic.largest > 1 ? nil : "peer-\(peer) knows \(logic.largest)"
      })
    let failure = #expect(throws: WorldFailure.self) { try world.run(until: .seconds(5)) }
    #expect(failure?.what == "peer-1 knows 1")
    #expect(world.logic(1)?.receivedCount == 40)
  }

  @Test("peers that keep each other busy without time moving on are found")
  func livelock() {
    struct Restless: PeerLogic {
      mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
        [.wake(at: .zero)]
      }
    }
    let world = World(seed: Seed(1), peers: 1, links: .steady) { _ in Restless() }
    let failure = #expect(throws: WorldFailure.self) { try world.run(until: .seconds(1)) }
    #expect(failure?.code == .livelock)
    #expect(failure?.what == "100001 events without time moving on")
  }
}
