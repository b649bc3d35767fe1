// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerrySimulation
import Testing

@Suite("Simulated faults")
struct FaultsTests {
  static let up = ["woke", "linked peer-1"]

  @Test("a crash loses the state, and the others learn at once that the process is gone")
  func crash() throws {
    let world = World<Recorder>.recording([.init(at: .seconds(1), .crash(1))])
    try world.run(until: .milliseconds(1060))
    #expect(world.lines(0) == Self.up + ["unlinked gone"])
    #expect(world.logic(1)?.lines == nil)
    #expect(!world.isAlive(1))
    #expect(world.faults[.crash] == 1)
  }

  @Test("a restart has the same id and a new incarnation, and remembers nothing")
  func restart() throws {
    let world = World<Recorder>.recording(
      [.init(at: .seconds(1), .crash(1), lasting: .seconds(1))])
    try world.run(until: .milliseconds(1500))
    let before = world.member(1)
    try world.run(until: .seconds(3))
    #expect(world.member(1).id == before.id)
    #expect(world.member(1).incarnation != before.incarnation)
    #expect(world.lines(1) == ["woke"])
    #expect(world.faults[.restart] == 1)
    #expect(world.faults.total == 2)
  }

  @Test("a process that is back before anybody looked is a new member, the old one gone")
  func quickRestart() throws {
    let world = World<Recorder>.recording(
      [.init(at: .seconds(1), .crash(1), lasting: .milliseconds(5))])
    try world.run(until: .seconds(2))
    #expect(world.lines(0) == Self.up + ["unlinked gone", "linked peer-1"])
    #expect(world.logic(0)?.members.last == world.member(1))
  }

  @Test("a machine without power is silent; back, it proves that the process is gone")
  func powerLoss() throws {
    let world = World<Recorder>.recording([.init(at: .seconds(1), .powerLoss(1))])
    try world.run(until: .milliseconds(2400))
    #expect(world.lines(0) == Self.up)
    try world.run(until: .seconds(4))
    #expect(world.lines(0) == Self.up + ["unlinked silent"])
    let quick = World<Recorder>.recording(
      [.init(at: .seconds(1), .powerLoss(1), lasting: .seconds(1))])
    try quick.run(until: .seconds(4))
    #expect(quick.lines(0) == Self.up + ["unlinked gone", "linked peer-1"])
  }

  @Test("a reset loses what is under way; then the same process is linked again")
  func reset() throws {
    let world = World<Recorder>.recording([.init(at: .seconds(1), .reset(0, 1))])
    world.send(1, from: 0, to: 1, at: .milliseconds(995))
    world.send(2, from: 0, to: 1, at: .milliseconds(1500))
    try world.run(until: .seconds(2))
    let why = "unlinked closed: Connection reset by peer"
    #expect(world.lines(0) == Self.up + [why, "linked peer-1"])
    #expect(world.lines(1) == ["woke", "linked peer-0", why, "linked peer-0", "received"])
    #expect(world.logic(1)?.received == [2])
    #expect(world.logic(0)?.members == [world.member(1), world.member(1)])
  }

  @Test("a short partition delays frames, a long one is silence on both sides")
  func partition() throws {
    let short = World<Recorder>.recording(
      [.init(at: .seconds(1), .partition([[0], [1]]), lasting: .seconds(1))])
    for i in 0..<5 { short.send(UInt8(i), from: 0, to: 1, at: .milliseconds(1100 + i)) }
    try short.run(until: .seconds(2))
    #expect(short.logic(1)?.received == [])
    try short.run(until: .seconds(3))
    #expect(short.logic(1)?.received == [0, 1, 2, 3, 4])
    #expect(short.lines(0) == Self.up)

    let long = World<Recorder>.recording(
      [.init(at: .seconds(1), .partition([[0], [1]]), lasting: .seconds(9))])
    try long.run(until: .seconds(20))
    #expect(long.lines(0) == Self.up + ["unlinked silent"])
    #expect(long.lines(1) == ["woke", "linked peer-0", "unlinked silent"])
    #expect(long.faults[.partition] == 1)
  }

  @Test("a partition leaves the links within a group alone")
  func groups() throws {
    let world = World<Recorder>.recording(
      peers: 4, [.init(at: .seconds(1), .partition([[0, 1], [2, 3]]), lasting: .seconds(9))])
    world.send(1, from: 0, to: 1, at: .seconds(5))
    world.send(2, from: 3, to: 2, at: .seconds(5))
    try world.run(until: .seconds(8))
    #expect(world.logic(1)?.received == [1])
    #expect(world.logic(2)?.received == [2])
    for peer in 0..<4 { #expect(world.lines(peer).count { $0 == "unlinked silent" } == 2) }
  }

  @Test("a one-way partition is one way")
  func oneWay() throws {
    let world = World<Recorder>.recording(
      [.init(at: .seconds(1), .oneWayPartition(from: [0], to: [1]), lasting: .seconds(9))])
    world.send(1, from: 0, to: 1, at: .milliseconds(1100))
    world.send(2, from: 1, to: 0, at: .milliseconds(1100))
    try world.run(until: .milliseconds(2400))
    #expect(world.logic(0)?.received == [2])
    #expect(world.logic(1)?.received == [])
    try world.run(until: .seconds(9))
    // Peer 1 hears nothing and hangs up; that still reaches peer 0, which cannot dial back.
    #expect(world.lines(1) == ["woke", "linked peer-0", "unlinked silent"])
    let why = "unlinked closed: the other side closed the connection"
    #expect(world.lines(0) == Self.up + ["received", why])
    #expect(world.faults[.oneWayPartition] == 1)
  }

  @Test("a stopped process handles nothing, then all at once, in order")
  func stop() throws {
    let world = World<Recorder>.recording(
      [.init(at: .seconds(1), .stop(1), lasting: .seconds(1))])
    for i in 0..<5 { world.send(UInt8(i), from: 0, to: 1, at: .milliseconds(1100 + 10 * i)) }
    try world.run(until: .milliseconds(1999))
    #expect(world.isStopped(1))
    #expect(world.logic(1)?.received == [])
    try world.run(until: .milliseconds(2000))
    #expect(world.logic(1)?.received == [0, 1, 2, 3, 4])
    #expect(Set(world.logic(1)?.milliseconds.suffix(5) ?? []).count == 1)
    #expect(world.lines(0) == Self.up)
  }

  @Test("a process stopped for long is dropped as silent, and links again when it goes on")
  func longStop() throws {
    let world = World<Recorder>.recording(
      [.init(at: .seconds(1), .stop(1), lasting: .seconds(5))])
    try world.run(until: .seconds(5))
    #expect(world.lines(0) == Self.up + ["unlinked silent"])
    try world.run(until: .seconds(9))
    #expect(world.lines(0) == Self.up + ["unlinked silent", "linked peer-1"])
    let why = "unlinked closed: the other side closed the connection"
    #expect(world.lines(1) == ["woke", "linked peer-0", why, "linked peer-0"])
  }

  @Test("a slow peer takes its time over each event")
  func slowness() throws {
    let slow = ScriptedFault.Fault.slowness(1, handling: .milliseconds(100))
    let world = World<Recorder>.recording([.init(at: .seconds(1), slow, lasting: .seconds(1))])
    for i in 0..<4 { world.send(UInt8(i), from: 0, to: 1, at: .milliseconds(1100)) }
    try world.run(until: .seconds(3))
    let times = world.logic(1)?.milliseconds.suffix(4).map { $0 } ?? []
    #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 == 100 })
    #expect(world.logic(1)?.received == [0, 1, 2, 3])
    #expect(world.faults[.slowness] == 1)
  }

  @Test("lost packets come late, in steps of TCP's doubling wait, and in order")
  func loss() throws {
    var seen: Set<Int> = []
    for seed in 1...8 as ClosedRange<UInt64> {
      let world = World<Recorder>.recording(seed: seed) { $0.lossChance = 0.5 }
      for i in 0..<5 { world.send(UInt8(i), from: 0, to: 1, at: .seconds(1 + 10 * i)) }
      var count = 0
      try world.run(until: .seconds(59)) { world in
        let received = world.withLogic(1) { $0.received } ?? []
        if received.count > count, let number = received.last {
          seen.insert(Int(world.now / .milliseconds(1)) - 1010 - 10_000 * Int(number))
          count += 1
        }
        return true
      }
      let received = world.logic(1)?.received ?? []
      #expect(received == received.sorted())
      #expect(world.faults[.loss] > 0)
    }
    #expect(seen.isSuperset(of: [0, 200, 600, 1400]))
    // A longer wait is silence, and the frame is lost with the link.
    #expect(seen.isSubset(of: [0, 200, 600, 1400]))
  }

  @Test("a held-up frame holds up those behind it")
  func delay() throws {
    let world = World<Recorder>.recording { $0.delayChance = 0.3 }
    for i in 0..<50 { world.send(UInt8(i), from: 0, to: 1, at: .milliseconds(1000 + 5 * i)) }
    try world.run(until: .seconds(5))
    #expect(world.logic(1)?.received == Array(0..<50))
    #expect(world.faults[.delay] > 5)
  }

  @Test("what a worker does for a process dies with it")
  func injectionsDie() throws {
    let world = World<Recorder>.recording(
      peers: 1, [.init(at: .seconds(1), .crash(0), lasting: .seconds(1))])
    try world.run(until: .milliseconds(500))
    for inThisLife in [true, false] {
      world.inject(at: .seconds(3), peer: 0, inThisLife: inThisLife) { logic, _ in
        logic.lines.append("bound \(inThisLife)")
        return []
      }
    }
    try world.run(until: .seconds(4))
    #expect(world.lines(0) == ["woke", "bound false"])
  }

  @Test("who hangs up on a peer that is being looked for is told at once, and only once")
  func hangUpOnLost() throws {
    let world = World<Recorder>.recording([
      .init(at: .milliseconds(995), .partition([[0], [1]]), lasting: .seconds(9)),
      .init(at: .milliseconds(980), .reset(0, 1)),
    ])
    let id = world.member(1).id
    world.inject(at: .milliseconds(1200), peer: 0) { _, _ in [.hangUp(id, reason: "enough")] }
    try world.run(until: .seconds(8))
    #expect(world.lines(0)[2...] == ["unlinked hung up: enough"])
    let reset = "unlinked closed: Connection reset by peer"
    #expect(world.lines(1)[2...] == [reset])
    #expect(world.faults[.reset] == 1)
  }

  @Test("a refused greeting says nothing about the process")
  func refusal() throws {
    let world = World<Recorder>.recording { $0.refusalChance = 1 }
    try world.run(until: .seconds(2))
    let why = "unreachable peer-1 closed: connection reset during the greeting"
    #expect(world.lines(0) == ["woke", why])
    #expect(world.faults[.refusal] == 1)
  }

  @Test("clocks begin anywhere and drift, and alarms follow the peer's own clock")
  func clockSkew() throws {
    let world = World<Recorder>.recording {
      $0.clockDriftPerMillionMax = 100_000
      $0.clockOffsetMax = .seconds(1000)
    }
    for peer in 0..<2 {
      world.inject(at: .seconds(1), peer: peer) { logic, now in
        logic.milliseconds = []
        return [.wake(at: now + .seconds(10))]
      }
    }
    try world.run(until: .seconds(1))
    let first = (0..<2).map { world.localTime($0) }
    try world.run(until: .seconds(20))
    let passed = (0..<2).map { world.localTime($0) - first[$0] }
    #expect(first[0] != first[1])
    #expect(passed[0] != passed[1])
    #expect(passed.allSatisfy { abs($0 / .seconds(19) - 1) <= 0.1 })
    #expect(world.lines(0).last == "woke")
    #expect(world.faults[.clockSkew] == 2)
  }

  @Test("faults of the dead and between the dead are not counted")
  func uncounted() throws {
    let world = World<Recorder>.recording([
      .init(at: .seconds(1), .crash(1)), .init(at: .seconds(2), .crash(1)),
      .init(at: .seconds(2), .stop(1)), .init(at: .seconds(2), .partition([[0], [1]])),
      .init(at: .seconds(2), .slowness(1, handling: .seconds(1))),
      .init(at: .seconds(2), .reset(0, 1)), .init(at: .seconds(2), .restart(0)),
    ])
    try world.run(until: .seconds(3))
    #expect(world.faults.description == "crash 1")
  }

  @Test("when the time of faults ends, all that lasts is set right")
  func peace() throws {
    let world = World<Recorder>.recording(
      peers: 4, until: .seconds(10),
      [
        .init(at: .seconds(9), .stop(1)), .init(at: .seconds(9), .partition([[0], [1, 2, 3]])),
        .init(at: .seconds(8), .crash(2), lasting: .seconds(50)), .init(at: .seconds(8), .crash(3)),
      ]
    ) { $0.lossChance = 1 }
    try world.run(until: .seconds(11))
    let losses = world.faults[.loss]
    world.send(1, from: 0, to: 1, at: .seconds(12))
    try world.run(until: .milliseconds(12_300))
    #expect(world.logic(1)?.received == [1])
    #expect(world.faults[.loss] == losses)
    #expect(world.isAlive(2))
    #expect(!world.isAlive(3), "a death that does not last is for good")
  }
}
