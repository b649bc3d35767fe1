// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import Testing

@Suite("GroupLogic")
struct GroupLogicTests {
  private func settings(
    _ codec: CodecKind = .float32, algorithm: AllReduceAlgorithm = .direct, charter: [UInt8] = []
  ) -> GroupLogic.Settings {
    var settings = GroupLogic.Settings(codec: codec, algorithm: algorithm, seed: Seed(1))
    settings.charter = charter
    return settings
  }

  // MARK: Rounds

  @Test(
    "a round is the weighted mean, the same for all, with everybody's note",
    arguments: AllReduceAlgorithm.allCases)
  func round(algorithm: AllReduceAlgorithm) {
    var net = GroupNet.group(3, settings: { _ in settings(algorithm: algorithm) })
    net.peers[2].weight = 2
    net.work()
    net.deliver()
    for peer in 0..<3 {
      #expect(net.peers[peer].outcomes == net.peers[0].outcomes)
      #expect(net.peers[peer].logic.committed == 1)
    }
    let outcome = net.peers[0].outcomes[0]
    #expect(outcome.values == [2.25, 3.25, 4.25, 5.25])
    #expect(outcome.contributors.map(\.weight) == [1, 1, 2])
    #expect(outcome.contributors.map(\.note) == [[0], [1], [2]])
  }

  @Test("an empty vector is exchanged like any other", arguments: CodecKind.allCases)
  func empty(codec: CodecKind) {
    var net = GroupNet.group(3, settings: { _ in settings(codec) })
    for peer in 0..<3 { net.peers[peer].values = { _ in [] } }
    net.work()
    net.deliver()
    #expect(net.peers.map(\.logic.committed) == [1, 1, 1])
    #expect(net.peers[1].outcomes[0].values == [])
  }

  @Test("where nobody has a weight the result is zeros, and the round counts")
  func weightless() {
    var net = GroupNet.group(3)
    for peer in 0..<3 { net.peers[peer].weight = 0 }
    net.work()
    net.deliver()
    #expect(net.peers.map(\.logic.committed) == [1, 1, 1])
    #expect(net.peers[2].outcomes[0].values == [0, 0, 0, 0])
  }

  @Test("a contribution to a round that is over is dropped")
  func past() {
    var net = GroupNet.group(2)
    net.work()
    net.deliver()
    net.act(1) { logic, now in
      logic.contribute(Contribution(round: 1, values: [9], weight: 1, note: []), at: now)
    }
    net.work()
    net.deliver()
    #expect(net.peers[0].outcomes.map(\.round) == [1, 2])
    #expect(net.peers[0].outcomes[1].values == [3, 4, 5, 6])
    #expect(net.members(0) == [0, 1])
  }

  // MARK: What goes wrong

  @Test("who would exchange something else is left out, and both sides are named")
  func mismatch() {
    var net = GroupNet.group(3)
    net.peers[2].values = { _ in [1, 2, 3, 4, 5] }
    net.work()
    net.deliver()
    let kind = "\(CodecKind.float32) direct mean"
    #expect(
      net.peers[0].reasons.last == """
        \(net.name(2)) is left out: \(net.name(2)) would exchange 5 elements as \(kind), \
        the majority 4 elements as \(kind)
        """)
    #expect(net.members(0) == [0, 1])
    #expect(net.peers[2].evictions.count == 1)
    #expect(net.peers[0].outcomes.map(\.round) == [1])
  }

  @Test("another codec is such a difference, too")
  func otherCodec() {
    var net = GroupNet.group(3, settings: { settings($0 == 1 ? .bfloat16 : .int8) })
    net.work()
    net.deliver()
    #expect(
      net.peers[2].reasons.last == """
        \(net.name(1)) is left out: \(net.name(1)) would exchange 4 elements as \
        \(CodecKind.bfloat16) direct mean, the majority 4 elements as \(CodecKind.int8) direct mean
        """)
    #expect(net.members(2) == [0, 2])
  }

  @Test("a chunk that cannot be right costs its sender its place; the others repeat the round")
  func lyingChunk() {
    var net = GroupNet.group(3)
    net.fate = { from, to, message in
      guard case .chunk(let stage, let chunk) = message, from == 1, to == 0 else {
        return .arrives
      }
      return .becomes(
        .chunk(
          stage,
          Chunk(
            phase: chunk.phase, segment: chunk.segment, piece: chunk.piece,
            payload: chunk.payload + [0])))
    }
    net.work()
    net.deliver()
    #expect(net.members(0) == [0, 2])
    #expect(
      net.peers[2].reasons.last?.hasPrefix(
        "\(net.name(1)) is left out: \(net.name(1)) sent a bad chunk: ") == true)
    #expect(net.peers[0].outcomes.map { $0.contributors.map(\.note) } == [[[0], [2]]])
    #expect(net.peers[0].outcomes == net.peers[2].outcomes)
  }

  @Test("in one shot the values come with the word that a member is ready, and nothing follows")
  func opening() {
    var net = GroupNet.group(3, settings: { _ in settings(.int8, algorithm: .oneShot) })
    var chunks = 0
    net.fate = { _, _, message in
      if case .chunk = message { chunks += 1 }
      return .arrives
    }
    net.peers[1].weight = 0
    net.work()
    net.deliver()
    #expect(chunks == 0)
    #expect(net.peers.allSatisfy { $0.logic.committed == 1 })
    #expect(net.peers[0].outcomes[0].values.count == 4)
    // Too many to ride along: chunks, after all are ready.
    for peer in 0..<3 { net.peers[peer].values = { _ in Array(repeating: 1, count: 65_536) } }
    net.work()
    net.deliver()
    #expect(chunks > 0)
    #expect(net.peers.allSatisfy { $0.logic.committed == 2 })
    #expect(net.peers[2].outcomes[1].values.count == 65_536)
  }

  @Test("an opening that cannot be right costs its sender its place; the others repeat the round")
  func lyingOpening() {
    var net = GroupNet.group(3, settings: { _ in settings(algorithm: .oneShot) })
    net.fate = { from, to, message in
      guard case .ready(let stage, var ready) = message, from == 1, to == 0 else {
        return .arrives
      }
      ready.opening.removeLast()
      return .becomes(.ready(stage, ready))
    }
    net.work()
    net.deliver()
    #expect(net.members(0) == [0, 2])
    #expect(
      net.peers[2].reasons.last?.hasPrefix(
        "\(net.name(1)) is left out: \(net.name(1)) opened the exchange badly: ") == true)
    #expect(net.peers[0].outcomes.map { $0.contributors.map(\.note) } == [[[0], [2]]])
    #expect(net.peers[0].outcomes == net.peers[2].outcomes)
  }

  @Test(
    "values that the codec cannot send cost their owner its place, not the round",
    arguments: [AllReduceAlgorithm.direct, .oneShot])
  func notFinite(algorithm: AllReduceAlgorithm) {
    var net = GroupNet.group(3, settings: { _ in settings(.int8, algorithm: algorithm) })
    net.peers[1].values = { _ in [1, .nan, 3, .infinity] }
    net.work()
    // It leaves the proposal to its seniors, who know nothing of it, for a moment.
    net.pass(.seconds(1))
    #expect(net.members(0) == [0, 2])
    #expect(net.peers[0].outcomes.count == 1)
    #expect(net.peers[0].outcomes == net.peers[2].outcomes)
    #expect(net.peers[1].evictions.count == 1)
    #expect(net.peers[1].outcomes == [])
  }

  @Test("who cannot send its own segment is left out itself, not whoever sent it a chunk")
  func notFiniteSegment() {
    // With four elements among three, element 2 is rank 1's segment, which it sends to nobody.
    var net = GroupNet.group(3, settings: { _ in settings(.int8) })
    net.peers[1].values = { _ in [1, 2, .nan, 4] }
    net.work()
    net.pass(.seconds(1))
    #expect(net.members(0) == [0, 2])
    #expect(net.peers[0].outcomes.map { $0.contributors.map(\.note) } == [[[0], [2]]])
    #expect(net.peers[0].outcomes == net.peers[2].outcomes)
    #expect(net.peers[1].outcomes == [])
  }

  @Test("what one does not hold is repeated without the dead: never half applied")
  func repeated() {
    var net = GroupNet.group(3)
    net.fate = { _, to, message in
      if case .chunk = message, to == 2 { return .waits }
      return .arrives
    }
    net.work()
    net.deliver()
    #expect(net.peers.map(\.outcomes.count) == [0, 0, 0])
    net.kill(1)
    net.release()
    #expect(net.members(0) == [0, 2])
    #expect(net.peers[0].outcomes.map { $0.contributors.map(\.note) } == [[[0], [2]]])
    #expect(net.peers[0].outcomes[0].values == [2, 3, 4, 5])
    #expect(net.peers[0].outcomes == net.peers[2].outcomes)
    #expect(net.peers[0].opened == [1, 2])
  }

  @Test("what all hold stands, with the part of one that is dead by now")
  func stands() {
    var net = GroupNet.group(3)
    net.fate = { _, _, message in
      if case .done = message { return .waits }
      return .arrives
    }
    net.work()
    net.deliver()
    #expect(net.peers.map(\.outcomes.count) == [0, 0, 0])
    net.kill(1)
    net.release()
    #expect(net.members(0) == [0, 2])
    #expect(net.peers[0].outcomes.map { $0.contributors.map(\.note) } == [[[0], [1], [2]]])
    #expect(net.peers[0].outcomes[0].view.members.count == 3)
    #expect(net.peers[0].outcomes == net.peers[2].outcomes)
  }

  @Test("a result that one has committed is committed by those who hold it, when it dies")
  func committedByOne() {
    var net = GroupNet.group(3)
    net.fate = { _, to, message in
      if case .done = message, to != 0 { return .waits }
      return .arrives
    }
    net.work()
    net.deliver()
    #expect(net.peers.map(\.outcomes.count) == [1, 0, 0])
    net.kill(0)
    net.release()
    #expect(net.peers[1].outcomes == net.peers[0].outcomes)
    #expect(net.peers[2].outcomes == net.peers[0].outcomes)
  }

  @Test("a result that comes out differently somewhere is found out before anybody applies it")
  func oddResult() {
    var net = GroupNet.group(3)
    net.fate = { from, _, message in
      guard case .done(let stage, _) = message, from == 2 else { return .arrives }
      return .becomes(.done(stage, digest: [1, 2, 3]))
    }
    net.work()
    net.deliver()
    #expect(
      net.peers[0].reasons.last == """
        \(net.name(2)) is left out: the results of round 1 differ: \(net.name(2)) against the rest
        """)
    #expect(net.members(0) == [0, 1])
    #expect(net.peers[0].outcomes == net.peers[1].outcomes)
  }

  // MARK: Who comes early

  @Test("a newcomer may hear that others are ready before it hears that it is in")
  func overtakenAdmission() {
    var net = GroupNet(3)
    net.found(0)
    net.seek(1)
    net.link(0, 1)
    net.pass(.seconds(1))
    net.fate = { from, to, message in
      if case .membership(.installed) = message, from == 0, to == 2 { return .waits }
      return .arrives
    }
    net.seek(2)
    net.link(0, 2)
    net.link(1, 2)
    net.pass(.milliseconds(300))
    #expect(net.members(1) == [0, 1, 2])
    #expect(net.members(2) == nil)
    net.work()
    net.deliver()
    let before = net.now
    net.release()
    net.work([2])
    net.deliver()
    #expect(net.now == before)
    #expect(net.peers.map(\.logic.committed) == [1, 1, 1])
  }

  @Test("messages from stages not reached are kept, but only so many")
  func earlyBound() {
    var net = GroupNet.group(2)
    for number in 0..<(2 * GroupLogic.earlyMessagesMax) {
      net.inject(
        .progress(.init(view: 1000 + UInt64(number), round: 1), permille: 1), from: 1, to: 0)
    }
    #expect(net.peers[0].logic.earlyCount == GroupLogic.earlyMessagesMax)
    net.work()
    net.deliver()
    #expect(net.peers.map(\.logic.committed) == [1, 1])
  }

  @Test("garbage is answered by hanging up, with the reason")
  func garbage() {
    var net = GroupNet.group(2)
    let sender = net.peers[1].logic.me
    net.act(0) { $0.handle(.received(sender, Frame(.exchange, [77])), at: $1) }
    #expect(
      net.peers[0].reasons.last?.hasPrefix("hung up on 1: ") == true
        && net.peers[0].reasons.last?.contains("no kind of message is 77") == true)
  }

  // MARK: The charter

  @Test("who asks what the run is gets the charter, without being let in")
  func charter() {
    var net = GroupNet(2, settings: { settings(charter: $0 == 0 ? [4, 5, 6] : []) })
    net.found(0)
    net.link(0, 1)
    net.act(1) { $0.askCharter(at: PeerAddress(host: "peer", port: 1), at: $1) }
    net.pass(.seconds(1))
    #expect(net.peers[1].charters == [[4, 5, 6]])
    #expect(net.members(0) == [0])
  }

  @Test("a charter that nobody asked for is no notice")
  func unaskedCharter() {
    var net = GroupNet.group(2)
    net.inject(.charter([1]), from: 1, to: 0)
    #expect(net.peers[0].charters == [])
  }
}
