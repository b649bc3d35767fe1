// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import Testing

/// One transfer among fellows of all characters, on a clock that jumps to the next event.
private struct Transfer {
  enum Character {
    case honest
    /// Its link breaks after so many answers.
    case dies(afterAnswers: Int)
    /// Stops answering after so many answers; its link stays.
    case stops(afterAnswers: Int)
    /// From that answer on, one bit of each chunk is wrong.
    case lies(fromAnswer: Int)
    /// Sends each answer twice.
    case repeats
    /// Takes a second for each answer.
    case slow
    /// Has no state.
    case newcomer
    /// Names another root and serves it.
    case other(StateServer)
    /// Names the round before at first.
    case late(StateServer, until: Duration)
  }

  var fetch: StateFetch
  let server: StateServer
  let characters: [Member: Character]
  var answers: [Member: Int] = [:]
  var dead: Set<Member> = []
  /// Answers under way, by arrival.
  var wire: [(at: Duration, from: Member, bytes: [UInt8])] = []
  /// When each fellow has sent off what it was asked before.
  var busyUntil: [Member: Duration] = [:]
  var now: Duration = .seconds(1)
  var loaded: StateServer?
  var failure: CollectiveError?
  var blamed: [Member] = []

  static func member(_ number: Int) -> Member {
    Member(
      id: PeerID(bytes: [UInt8](repeating: 0, count: 31) + [UInt8(number)])!, incarnation: 1)
  }

  init(_ characters: [Character], server: StateServer, root: [UInt8]? = nil) {
    let members = characters.indices.map(Self.member)
    self.characters = Dictionary(uniqueKeysWithValues: zip(members, characters))
    self.server = server
    fetch = StateFetch(fellows: members, round: server.round, root: root)
  }

  mutating func run() {
    perform(fetch.start(at: now))
    for _ in 0..<1_000_000 where !fetch.isOver {
      let arrival = wire.indices.min { wire[$0].at < wire[$1].at }
      let deadline = fetch.nextDeadline
      if let arrival, wire[arrival].at <= deadline ?? .seconds(1_000_000) {
        let message = wire.remove(at: arrival)
        now = message.at
        guard case .answer(let answer) = try! StateMessage(decoding: message.bytes) else { return }
        perform(
          fetch.receive(answer, from: message.from, byteCount: message.bytes.count, at: now))
        if case .dies(let count) = characters[message.from]!, answers[message.from]! >= count,
          dead.insert(message.from).inserted
        {
          wire.removeAll { $0.from == message.from }
          perform(fetch.lost(message.from, at: now))
        }
      } else if let deadline {
        now = max(now, deadline)
        perform(fetch.tick(at: now))
      } else {
        return
      }
    }
  }

  private mutating func perform(_ actions: [StateFetch.Action]) {
    for action in actions {
      switch action {
      case .ask(let member, let request):
        let bytes = StateMessage.request(request).encoded()
        guard case .request(let asked) = try! StateMessage(decoding: bytes) else { return }
        answer(asked, by: member)
      case .blame(let member, _): blamed.append(member)
      case .complete(let server): loaded = server
      case .failed(let error): failure = error
      }
    }
  }

  private mutating func answer(_ request: StateRequest, by member: Member) {
    guard !dead.contains(member) else { return }
    answers[member, default: 0] += 1
    let count = answers[member]!
    var answer = server.answer(request)
    var copies = 1
    var time: Duration = .milliseconds(5)
    switch characters[member]! {
    case .honest: break
    case .dies(let after): if count > after { return }
    case .stops(let after): if count > after { return }
    case .lies(let from):
      if count >= from, case .chunk(let root, let index, var bytes) = answer {
        bytes[bytes.count / 2] ^= 1
        answer = .chunk(root: root, index: index, bytes: bytes)
      }
    case .repeats: copies = 2
    case .slow: time = .seconds(1)
    case .newcomer: answer = .absent(root: Array(repeating: 0, count: 32))
    case .other(let other): answer = other.answer(request)
    case .late(let before, let until): if now < until { answer = before.answer(request) }
    }
    let at = max(busyUntil[member] ?? now, now) + time
    busyUntil[member] = at
    for _ in 0..<copies {
      wire.append((at, member, StateMessage.answer(answer).encoded()))
    }
  }
}

@Suite("State fetch")
struct StateFetchTests {
  /// About 4 MB in tensors of all sizes.
  private static func state(round: UInt64 = 7, _ seed: UInt64 = 1) -> SharedState {
    SharedState(
      round: round,
      tensors: [0, 1, 3, 700_000, 5, 300_001].enumerated().map { index, count in
        (name: "t\(index)", values: sample(count, Seed(seed).derived("tensor", UInt64(index))))
      }, note: Array("a ledger, 21 bytes ü".utf8))
  }

  private static let server = StateServer(state())

  private func run(_ characters: [Transfer.Character], root: [UInt8]? = nil) -> Transfer {
    var transfer = Transfer(characters, server: Self.server, root: root)
    transfer.run()
    return transfer
  }

  private func expectState(_ transfer: Transfer, overhead: Double = 1.1) throws {
    let outcome = (transfer.loaded, transfer.failure)
    let loaded = try #require(outcome.0, "\(String(describing: outcome.1))")
    #expect(loaded.digest == Self.server.digest)
    #expect(StateServer(loaded.state).digest == Self.server.digest)
    #expect(loaded.state.note == Self.server.state.note)
    #expect(loaded.state.round == 7)
    let ratio = Double(transfer.fetch.bytesReceived) / Double(Self.server.state.byteCount)
    #expect(ratio <= overhead, "\(ratio) times the state")
  }

  @Test("honest fellows share the work and nothing comes twice")
  func honest() throws {
    let transfer = run([.honest, .honest, .honest])
    try expectState(transfer, overhead: 1.01)
    #expect(transfer.answers.values.min()! > 30)
    #expect(transfer.fetch.progress == (128, 128))
  }

  @Test("one fellow is enough, and a known root saves asking")
  func one() throws {
    try expectState(run([.honest]), overhead: 1.01)
    let transfer = run([.honest], root: Self.server.digest)
    try expectState(transfer, overhead: 1.01)
    #expect(transfer.answers.values.first == 129)
  }

  @Test(
    "a fellow that dies on the way costs no more than what was under way",
    arguments: [0, 1, 2, 10, 30])
  func dies(answers: Int) throws {
    try expectState(run([.honest, .dies(afterAnswers: answers), .honest]))
    try expectState(run([.dies(afterAnswers: answers), .dies(afterAnswers: 3), .honest]))
  }

  @Test("a fellow that stops answering is worked around", arguments: [0, 1, 2, 10, 30])
  func stops(answers: Int) throws {
    let transfer = run([.honest, .stops(afterAnswers: answers), .honest])
    try expectState(transfer)
    #expect(transfer.now < .seconds(10))
  }

  @Test("a fellow that lies is blamed, once, and left out", arguments: [1, 3, 20])
  func lies(answer: Int) throws {
    let transfer = run([.honest, .lies(fromAnswer: answer), .honest])
    try expectState(transfer)
    #expect(transfer.blamed == [Transfer.member(1)])
  }

  @Test("answers that come twice count once")
  func repeats() throws {
    let transfer = run([.repeats, .honest])
    // The waste is the sender's; it is counted, and changes nothing.
    try expectState(transfer, overhead: 2)
  }

  @Test("a slow fellow neither holds the rest up nor makes much come twice")
  func slow() throws {
    let transfer = run([.honest, .slow, .honest])
    try expectState(transfer)
    #expect(transfer.now < .seconds(6))
    try expectState(run([.slow]), overhead: 1.01)
  }

  @Test("newcomers and a minority with another state are not believed")
  func minority() throws {
    let other = StateServer(Self.state(2))
    try expectState(run([.newcomer, .honest, .newcomer]))
    try expectState(run([.honest, .other(other), .honest]))
    let before = StateServer(Self.state(round: 6))
    try expectState(
      run([.late(before, until: .seconds(2)), .late(before, until: .milliseconds(2500))]))
  }

  @Test("what cannot be had is an error that says why")
  func failures() {
    let other = StateServer(Self.state(2))
    #expect(
      run([.honest, .other(other)]).failure?.description == """
        no-agreement: 2 fellows name no state that most of them hold, asked 64 times \
        (state transfer). Wait until a round is done, then join again.
        """)
    let gone = """
      state-lost: none of 2 fellows is left that holds the state (state transfer). \
      Join again; the group may have gone on to a later state.
      """
    #expect(run([.dies(afterAnswers: 9), .dies(afterAnswers: 20)]).failure?.description == gone)
    #expect(run([.stops(afterAnswers: 9), .stops(afterAnswers: 2)]).failure?.description == gone)
    #expect(run([.lies(fromAnswer: 1), .lies(fromAnswer: 5)]).failure?.description == gone)
  }

  @Test("a fellow that joins on the way goes on where the lost one was")
  func resumes() throws {
    var transfer = Transfer([.dies(afterAnswers: 60), .honest], server: Self.server)
    // The second one is not known at first.
    let (first, second) = (Transfer.member(0), Transfer.member(1))
    transfer.fetch = StateFetch(fellows: [first], round: 7)
    var actions = transfer.fetch.start(at: .zero)
    var asked = 0
    var loaded: StateServer?
    while !transfer.fetch.isOver, !actions.isEmpty {
      let action = actions.removeFirst()
      switch action {
      case .ask(let member, let request):
        asked += 1
        let answer = Self.server.answer(request)
        actions += transfer.fetch.receive(answer, from: member, byteCount: 0, at: .zero)
        if asked == 60 {
          actions = transfer.fetch.joined(second, at: .zero)
          actions += transfer.fetch.lost(first, at: .zero)
        }
      case .complete(let server): loaded = server
      default: break
      }
      if let server = actions.compactMap({ action -> StateServer? in
        if case .complete(let server) = action { server } else { nil }
      }).first {
        loaded = server
      }
    }
    #expect(loaded?.digest == Self.server.digest)
    #expect(asked < 140)
  }

  @Test("of a state that differs in three values, three chunks and the note are fetched")
  func base() throws {
    var tensors = Self.server.state.tensors
    for place in [0, 350_000, 699_999] { tensors[3].values[place] += 1 }
    let older = StateServer(
      SharedState(round: 4, tensors: tensors, note: Array("another ledger, somewhat longer".utf8)))
    var transfer = Transfer([.honest, .honest], server: Self.server)
    transfer.fetch = StateFetch(
      fellows: [Transfer.member(0), Transfer.member(1)], round: 7, base: older)
    transfer.run()
    try expectState(transfer, overhead: 0.04)
    // Two roots, a manifest, three chunks and the last one.
    let asked: Int = transfer.answers.values.reduce(0, +)
    #expect(asked == 7)
  }

  @Test("a state of another shape helps nothing and harms nothing")
  func otherBase() throws {
    let other = StateServer(
      SharedState(round: 4, tensors: [("t0", sample(1_000_009, Seed(1)))], note: []))
    var transfer = Transfer([.honest], server: Self.server)
    transfer.fetch = StateFetch(fellows: [Transfer.member(0)], round: 7, base: other)
    transfer.run()
    try expectState(transfer, overhead: 1.01)
  }

  @Test("an empty state is complete with its manifest")
  func empty() throws {
    let server = StateServer(SharedState(round: 0, tensors: [], note: []))
    var transfer = Transfer([.honest], server: server)
    transfer.run()
    #expect(transfer.loaded?.digest == server.digest)
  }
}
