// SPDX-License-Identifier: Apache-2.0

import FerryPCCL
import FerryPeers
import Testing

@Suite("Rendezvous")
struct RendezvousLogicTests {
  private static func member(_ number: UInt8) -> Member {
    Member(id: PeerID(bytes: [UInt8](repeating: number, count: PeerID.byteCount))!, incarnation: 1)
  }

  private var logic = RendezvousLogic()
  private let late = RendezvousLogic.grace

  /// What a peer is told after a message; numbers of groups of peers left out.
  private mutating func send(
    _ message: RendezvousMessage, from number: UInt8, at now: Duration? = nil
  ) throws -> [UInt8: RendezvousMessage] {
    try answers(logic.handle(.received(Self.member(number), message.frame), at: now ?? late))
  }

  private func answers(_ actions: [LinkAction]) throws -> [UInt8: RendezvousMessage] {
    var answers: [UInt8: RendezvousMessage] = [:]
    for case .send(let peer, let frame) in actions {
      let message = try RendezvousMessage(frame)
      if case .worlds = message { continue }
      answers[peer.bytes[0]] = message
    }
    return answers
  }

  private mutating func link(_ numbers: UInt8...) {
    for number in numbers {
      let address = PeerAddress(host: "10.0.0.\(number)", port: 1)
      _ = logic.handle(.linked(Self.member(number), address: address), at: late)
    }
  }

  @Test("the first who asks begins, the others join once it listens")
  mutating func one() throws {
    link(1, 2, 3)
    #expect(try send(.ask(peerGroup: 0), from: 2) == [2: .found])
    #expect(try send(.ask(peerGroup: 0), from: 1).isEmpty)
    let there = RendezvousMessage.join([PeerAddress(host: "10.0.0.2", port: 77)])
    #expect(try send(.report(peerGroup: 0, port: 77, world: 1), from: 2) == [1: there])
    #expect(try send(.ask(peerGroup: 0), from: 3) == [3: there])
    #expect(try send(.ask(peerGroup: 5), from: 3) == [3: .found], "another group")
  }

  @Test("when the one who begins dies, the next one does; when all are gone, a new run begins")
  mutating func deaths() throws {
    link(1, 2)
    #expect(try send(.ask(peerGroup: 0), from: 1) == [1: .found])
    #expect(try send(.ask(peerGroup: 0), from: 2).isEmpty)
    let next = logic.handle(.unlinked(Self.member(1), .processGone), at: late)
    #expect(try answers(next) == [2: .found])
    _ = try send(.report(peerGroup: 0, port: 7, world: 1), from: 2)
    _ = logic.handle(.unlinked(Self.member(2), .processGone), at: late)
    link(3)
    #expect(try send(.ask(peerGroup: 0), from: 3) == [3: .found])
  }

  @Test("a master that was started anew waits for those who take part")
  mutating func anew() throws {
    link(1, 2)
    let early = logic.handle(
      .received(Self.member(1), RendezvousMessage.ask(peerGroup: 0).frame), at: .zero)
    guard case .wake(let at) = early.first else {
      Issue.record("no wait: \(early)")
      return
    }
    #expect(at == late)
    let there = RendezvousMessage.join([PeerAddress(host: "10.0.0.2", port: 7)])
    #expect(
      try send(.report(peerGroup: 0, port: 7, world: 4), from: 2, at: .milliseconds(100))
        == [1: there])
  }

  @Test("messages come back from their bytes, and what is none is hung up on")
  mutating func wire() throws {
    for message: RendezvousMessage in [
      .ask(peerGroup: 7), .report(peerGroup: 1, port: 2, world: 3), .found,
      .join([PeerAddress(host: "::1", port: 9)]), .worlds([0: 4, 9: 1]),
    ] {
      #expect(try RendezvousMessage(message.frame) == message)
    }
    link(1)
    for bytes: [UInt8] in [[], [9], [4, 255, 255, 255, 255], [1, 0]] {
      let frame = Frame(.membership, bytes)
      #expect(throws: (any Error).self) { try RendezvousMessage(frame) }
      guard case .hangUp = logic.handle(.received(Self.member(1), frame), at: late).first else {
        Issue.record("\(bytes) taken")
        continue
      }
    }
  }
}
