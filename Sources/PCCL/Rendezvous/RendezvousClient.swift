// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Foundation
import Logging
import Synchronization

/// A peer's side of the rendezvous: asks, reports, and looks for a master that went away.
final class RendezvousClient: Sendable {
  /// What came of a question.
  enum Answer: Sendable {
    case found
    case join([PeerAddress])
    case unreachable(String)
  }

  private let loop: LinkLoop<Seeker>
  private let answers: Inbox<Answer>
  private let board: Board
  private let peerGroup: UInt32

  /// What the master last said, for all threads at any time.
  final class Board: Sendable {
    let worlds = Mutex<[UInt32: Int]>([:])
  }

  /// How many peers each group has, as the master last said.
  var worlds: [UInt32: Int] { board.worlds.withLock { $0 } }

  init(master: PeerAddress, peerGroup: UInt32) throws {
    self.peerGroup = peerGroup
    let (answers, board) = (Inbox<Answer>(), Board())
    (self.answers, self.board) = (answers, board)
    var links = try Terms.rendezvousLinks(listen: Terms.listen(for: master))
    links.greetingFailed = { address, error in
      if address != nil { answers.put(.unreachable("\(error)")) }
    }
    loop = try LinkLoop(
      logic: Seeker(master: master, answers: answers, board: board), identity: Identity(),
      settings: links, logger: Logger(label: "ferry.pccl") { _ in SwiftLogNoOpLogHandler() })
    let thread = Thread { [loop] in loop.run() }
    thread.name = "ferry-rendezvous"
    thread.start()
  }

  /// Asks where the others are, and waits for the answer as long as the master is there.
  func ask() -> Answer {
    let group = peerGroup
    loop.post { seeker, _ in seeker.say(.ask(peerGroup: group)) }
    while true {
      if let answer = answers.take(waiting: .milliseconds(100)).last { return answer }
    }
  }

  /// Tells the master, now and whenever it comes back, where this peer listens.
  func report(_ address: PeerAddress, world: Int) {
    let group = peerGroup
    loop.post { seeker, _ in
      seeker.say(.report(peerGroup: group, port: address.port, world: UInt32(world)))
    }
  }

  func stop() { loop.stop() }
}

/// Keeps a link to the master, and repeats what it has to say when the link is new.
struct Seeker: PeerLogic {
  private static let pause: Duration = .milliseconds(200)

  private let master: PeerAddress
  private let answers: Inbox<RendezvousClient.Answer>
  private let board: RendezvousClient.Board
  private var server: Member?
  private var saying: RendezvousMessage?

  init(master: PeerAddress, answers: Inbox<RendezvousClient.Answer>, board: RendezvousClient.Board)
  {
    (self.master, self.answers, self.board) = (master, answers, board)
  }

  mutating func say(_ message: RendezvousMessage) -> [LinkAction] {
    saying = message
    guard let server else { return [.dial(master)] }
    return [.send(server.id, message.frame)]
  }

  mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
    switch event {
    case .linked(let member, _):
      server = member
      return saying.map { [.send(member.id, $0.frame)] } ?? []
    case .unlinked(_, let cause):
      server = nil
      return seekAgain(cause, at: now)
    case .unreachable(_, let cause): return seekAgain(cause, at: now)
    case .woke: return server == nil ? [.dial(master)] : []
    case .received(let member, let frame):
      switch try? RendezvousMessage(frame) {
      case .found: answers.put(.found)
      case .join(let addresses): answers.put(.join(addresses))
      case .worlds(let worlds): board.worlds.withLock { $0 = worlds.mapValues(Int.init) }
      case .ask, .report, nil: return [.hangUp(member.id, reason: "not a master's message")]
      }
      return []
    }
  }

  private func seekAgain(_ cause: LossCause, at now: Duration) -> [LinkAction] {
    // Who asks wants to know; who takes part goes on without it.
    if case .ask = saying { answers.put(.unreachable("\(cause)")) }
    return [.wake(at: now + Self.pause)]
  }
}
