// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerrySimulation
import Testing

@Suite("Simulated links")
struct LinksTests {
  @Test("come up on both sides after two and a half round trips, once although both dial")
  func linkUp() throws {
    let world = World<Recorder>.recording()
    world.inject(at: .milliseconds(11), peer: 1) { logic, _ in [.dial(logic.birth.addresses[0])] }
    try world.run(until: .seconds(1))
    #expect(world.lines(0) == ["woke", "linked peer-1"])
    #expect(world.lines(1) == ["woke", "linked peer-0"])
    #expect(world.logic(0)?.members == [world.member(1)])
    #expect(world.logic(0)?.milliseconds == [0, 50])
  }

  @Test("carry frames in the order they were sent, and none to a peer that is not linked")
  func order() throws {
    let world = World<Recorder>.recording()
    world.send(9, from: 1, to: 0, at: .milliseconds(12))
    for i in 0..<50 { world.send(UInt8(i), from: 0, to: 1, at: .seconds(1)) }
    try world.run(until: .seconds(2))
    #expect(world.logic(1)?.received == Array(0..<50))
    #expect(world.logic(0)?.received == [])
    #expect(world.framesDropped == 1)
    #expect(world.bytesSent(by: 0, for: .exchange) == 50 * 33)
  }

  @Test("take bytes over bandwidth and the latency")
  func bandwidth() throws {
    let world = World<Recorder>.recording()
    let id = world.member(1).id
    world.inject(at: .seconds(1), peer: 0) { _, _ in
      // 0.1 s each at 1 GB/s.
      let frame = Frame(.exchange, [UInt8](repeating: 7, count: 99_999_968))
      return [.send(id, frame), .send(id, frame)]
    }
    var arrivals: [Duration] = []
    try world.run(until: .seconds(2)) { world in
      let count = world.withLogic(1) { $0.lines.count { $0 == "received" } } ?? 0
      if count > arrivals.count { arrivals.append(world.now) }
      return true
    }
    #expect(arrivals == [.milliseconds(1110), .milliseconds(1210)])
  }

  @Test("end with what was sent before, then the reason, when one side hangs up")
  func hangUp() throws {
    let world = World<Recorder>.recording()
    let id = world.member(1).id
    world.inject(at: .seconds(1), peer: 0) { _, _ in
      [.send(id, Frame(.exchange, [5])), .hangUp(id, reason: "done")]
    }
    try world.run(until: .seconds(5))
    #expect(world.lines(0) == ["woke", "linked peer-1", "unlinked hung up: done"])
    #expect(
      world.lines(1) == ["woke", "linked peer-0", "received", "unlinked closed: it hung up: done"])
  }

  @Test("answer a dial to nowhere, to a dead process and to a dead machine apart")
  func dials() throws {
    let world = World<Recorder>.recording(
      peers: 3,
      [.init(at: .seconds(1), .crash(1)), .init(at: .seconds(1), .powerLoss(2))])
    world.inject(at: .seconds(5), peer: 0) { logic, _ in
      [
        .dial(PeerAddress(host: "nowhere", port: 1)), .dial(logic.birth.addresses[1]),
        .dial(logic.birth.addresses[2]),
      ]
    }
    try world.run(until: .seconds(10))
    #expect(
      world.lines(0).suffix(3) == [
        "unreachable nowhere closed: no such host", "unreachable peer-1 gone",
        "unreachable peer-2 silent",
      ])
  }

  @Test("an alarm rings at the time asked for, and a later call replaces an earlier one")
  func alarm() throws {
    let world = World<Recorder>.recording(peers: 1)
    world.inject(at: .seconds(1), peer: 0) { _, now in
      [.wake(at: now + .seconds(1)), .wake(at: now + .milliseconds(500))]
    }
    try world.run(until: .seconds(1) + .milliseconds(499))
    #expect(world.lines(0) == ["woke"])
    try world.run(until: .seconds(9))
    #expect(world.lines(0) == ["woke", "woke"])
  }
}
