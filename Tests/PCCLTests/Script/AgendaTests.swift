// SPDX-License-Identifier: Apache-2.0

import FerryPCCL
import FerryPeers
import Testing

@Suite("Agenda")
struct AgendaTests {
  private let a = member(1)
  private let b = member(2)
  private let c = member(3)

  private static func member(_ number: UInt8) -> Member {
    Member(
      id: PeerID(bytes: [UInt8](repeating: number, count: PeerID.byteCount))!,
      incarnation: UInt64(number))
  }

  private func agenda(_ members: [Member]) -> Agenda {
    var agenda = Agenda()
    #expect(agenda.advance(members.map { ($0, nil) }) == .tookIn)
    return agenda
  }

  @Test("the first round takes in whoever is there")
  func first() {
    #expect(agenda([b, a]).accepted == [b, a])
  }

  @Test("who comes later waits until all ask for it")
  func waits() {
    var agenda = agenda([a, b])
    #expect(agenda.advance([(a, .updateTopology), (b, .arePeersPending), (c, nil)]) == nil)
    #expect(
      agenda.advance([(a, .arePeersPending), (b, .arePeersPending), (c, nil)])
        == .counted(pending: true))
    #expect(agenda.accepted == [a, b])
    let epoch = agenda.epoch
    #expect(agenda.advance([(a, .updateTopology), (b, .updateTopology), (c, nil)]) == .tookIn)
    #expect(agenda.accepted == [a, b, c] && agenda.epoch == epoch + 1)
    #expect(
      agenda.advance([(a, .arePeersPending), (b, .arePeersPending), (c, .arePeersPending)])
        == .counted(pending: false))
  }

  @Test("who is lost is not waited for, and a new epoch begins")
  func lost() {
    var agenda = agenda([a, b, c])
    let epoch = agenda.epoch
    #expect(agenda.advance([(c, .optimizeTopology), (a, .optimizeTopology)]) == .optimized)
    #expect(agenda.accepted == [a, c] && agenda.epoch == epoch + 1)
  }

  @Test("when all who knew anything are gone, those who waited are the run")
  func orphans() {
    var agenda = agenda([a])
    #expect(agenda.advance([(b, nil), (c, nil)]) == .tookIn)
    #expect(agenda.accepted == [b, c])
  }

  @Test("newcomers get it as the group's state, and a new group has none")
  func state() throws {
    #expect(Agenda().state.isEmpty)
    #expect(try Agenda(state: []) == Agenda())
    var agenda = agenda([a, b])
    let offer = StateOffer(revision: 7, strategy: .enforcePopular, layout: [1], tensors: [])
    _ = agenda.advance([(a, .synchronize(offer)), (b, .synchronize(offer))])
    #expect(agenda.revision == 7)
    #expect(try Agenda(state: agenda.state) == agenda)
    #expect(throws: (any Error).self) { try Agenda(state: [("agenda", [3, 0.5])]) }
    #expect(throws: (any Error).self) { try Agenda(state: [("agenda", [1, 9])]) }
  }

  @Test("calls come back from their bytes, and others are refused")
  func wire() throws {
    let offer = StateOffer(
      revision: 3, strategy: .sendOnly, layout: [1, 2],
      tensors: [
        .init(byteCount: 8, digest: [UInt8](repeating: 5, count: 16), mayDiffer: true)
      ])
    for call: CommonCall? in [
      nil, .updateTopology, .arePeersPending, .optimizeTopology, .synchronize(offer),
    ] {
      let bytes = call.encoded
      #expect(try CommonCall?(decoding: bytes) == call)
      #expect(throws: (any Error).self) { try CommonCall?(decoding: bytes + [0]) }
      #expect(throws: (any Error).self) { try CommonCall?(decoding: bytes.dropLast()) }
    }
    #expect(throws: (any Error).self) { try CommonCall?(decoding: [9]) }
  }
}
