// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import FerryTensors
import Synchronization
import Testing

@Suite("Group paths")
struct GroupPathsTests {
  /// What passed between members, in order.
  final class Log: Sendable {
    struct Entry {
      let from: Int
      let to: Int
      let message: GroupMessage
    }
    private let kept = Mutex<[Entry]>([])
    func add(_ from: Int, _ to: Int, _ message: GroupMessage) {
      kept.withLock { $0.append(Entry(from: from, to: to, message: message)) }
    }
    var entries: [Entry] { kept.withLock { $0 } }
    func clear() { kept.withLock { $0 = [] } }
    /// Plans that were proposed, and by whom.
    var plans: [(from: Int, plan: PathPlan)] {
      entries.compactMap { entry in
        guard case .ready(_, let ready) = entry.message else { return nil }
        return ready.plan.map { (entry.from, $0) }
      }
    }
  }

  private static let count = 30_000

  private static func net(_ peers: Int, _ log: Log) -> GroupNet {
    let settings = GroupLogic.Settings(seed: Seed(1))
    return GroupNet.group(
      peers, settings: { _ in settings },
      prepare: { net in
        net.fate = { from, to, message in
          log.add(from, to, message)
          return .arrives
        }
      })
  }

  /// What a peer says of the ways to it: slow ones.
  private static func slowTable(_ net: GroupNet, of peer: Int) -> GroupMessage {
    let rows = net.peers.indices.filter { $0 != peer }.map {
      PathMessage.Row(
        from: net.peers[$0].logic.me.id, speed: PathFigure.code(5e6), trip: PathFigure.code(200))
    }
    return .paths(.table(rows))
  }

  /// What a peer says of the ways to it: those of the two rooms, even and odd, are slow between them.
  private static func roomTable(_ net: GroupNet, of peer: Int) -> GroupMessage {
    let rows = net.peers.indices.filter { $0 != peer }.map {
      PathMessage.Row(
        from: net.peers[$0].logic.me.id,
        speed: PathFigure.code($0 % 2 == peer % 2 ? 1e8 : 1e6), trip: PathFigure.code(200))
    }
    return .paths(.table(rows))
  }

  private static func work(_ net: inout GroupNet) {
    for peer in net.peers.indices {
      net.peers[peer].values = { round in (0..<count).map { Float($0 % 100 + peer) } }
    }
    net.work()
    net.deliver()
  }

  @Test("all pairs are measured, one after the other, by members in turn")
  func turns() {
    let log = Log()
    let net = Self.net(4, log)
    #expect(net.peers.allSatisfy { $0.logic.knowsPaths })
    var pairs: [[Int]] = []
    for entry in log.entries {
      guard case .paths(.train) = entry.message else { continue }
      if pairs.last != [entry.from, entry.to] { pairs.append([entry.from, entry.to]) }
    }
    // A group of three was measured before the fourth was there.
    #expect(Set(pairs).count == 12 && pairs.count == 12, "\(pairs)")
    // What is known is not measured again.
    #expect(net.peers.allSatisfy { $0.logic.plansFollowed == 0 })
  }

  @Test("two members have no choice, and measure nothing")
  func two() {
    let log = Log()
    let net = Self.net(2, log)
    #expect(net.peers.allSatisfy { $0.logic.knowsPaths })
    #expect(!log.entries.contains { if case .paths = $0.message { true } else { false } })
  }

  @Test("the first proposes a way around a slow member, and all take it, in rounds and in calls")
  func followed() throws {
    let log = Log()
    var net = Self.net(4, log)
    // Before, nobody proposes anything.
    Self.work(&net)
    #expect(net.peers.map(\.logic.committed) == [1, 1, 1, 1] && log.plans.isEmpty)
    net.inject(Self.slowTable(net, of: 3), from: 3, to: 0)
    // What seems to differ is measured once more first.
    #expect(!net.peers[0].logic.knowsPaths)
    net.pass(.seconds(20))
    #expect(net.peers[0].logic.knowsPaths)
    Self.work(&net)
    #expect(net.peers.map(\.logic.committed) == [2, 2, 2, 2])
    #expect(log.plans.map(\.from) == [0, 0, 0])
    let plan = try #require(log.plans.first?.plan)
    #expect(plan.topology.shares == [1, 1, 1, 0] && plan.algorithm == .hierarchical)
    #expect(net.peers.allSatisfy { $0.logic.plansFollowed == 1 })
    #expect(Set(net.peers.map { $0.outcomes[1].values }).count == 1)
    #expect(net.peers[0].outcomes[1].values[7] == 8.5)
    let calls = (0..<4).map {
      net.call($0, .allReduce(.i32([Int32](repeating: Int32($0), count: Self.count))))
    }
    net.deliver()
    for (peer, call) in calls.enumerated() {
      let outcome = try #require(net.result(peer, call)).get()
      #expect(outcome.values == .i32([Int32](repeating: 6, count: Self.count)))
    }
    #expect(net.peers.allSatisfy { $0.logic.plansFollowed == 2 })
    // Short vectors go as they always did, and so does whoever asks for a way.
    log.clear()
    for (peer, call) in (0..<4).map({ ($0, net.call($0, .allReduce(.f32([1])))) }) {
      _ = (peer, call)
    }
    for peer in 0..<4 {
      _ = net.call(
        peer, .allReduce(.f32([Float](repeating: 1, count: Self.count)), algorithm: .ring),
        on: Channel(tag: 2))
    }
    net.deliver()
    #expect(log.plans.isEmpty)
  }

  @Test("a broadcast goes by its root's plan: nobody else knows how much it is")
  func broadcast() throws {
    let log = Log()
    var net = Self.net(6, log)
    for peer in [0, 1, 3, 4, 5] {
      for other in [0, 2] where other != peer {
        net.inject(Self.roomTable(net, of: peer), from: peer, to: other)
      }
    }
    net.pass(.seconds(20))
    let root = net.peers[2].logic.me.id
    let given = (0..<6).map { peer in (0..<Self.count).map { Int32($0 + peer) } }
    let calls = (0..<6).map { peer in
      net.call(peer, .broadcast(.i32(peer == 2 ? given[2] : []), from: root))
    }
    net.deliver()
    #expect(log.plans.map(\.from) == [2, 2, 2, 2, 2])
    for (peer, call) in calls.enumerated() {
      #expect(try #require(net.result(peer, call)).get().values == .i32(given[2]))
    }
    #expect(net.peers.allSatisfy { $0.logic.plansFollowed == 1 })
  }

  /// Plans that nobody can follow, and what is said of them.
  static let bad: [(plan: PathPlan, what: String)] = [
    (PathPlan(.ring, Topology(order: [0, 1, 1])), "the ring is [0, 1, 1]"),
    (PathPlan(.direct, Topology(shares: [0, 0, 0])), "the shares are [0.0, 0.0, 0.0]"),
    (PathPlan(.star, Topology(hub: 3)), "the hub is rank 3"),
    (PathPlan(.automatic), "it leaves the way open"),
  ]

  /// Three members, of whom the first proposes `plan` to the others.
  private static func lied(_ plan: PathPlan) -> GroupNet {
    var net = GroupNet.group(3, settings: { _ in GroupLogic.Settings(seed: Seed(1)) })
    net.fate = { from, _, message in
      guard from == 0, case .ready(let stage, var ready) = message else { return .arrives }
      ready.plan = plan
      return .becomes(.ready(stage, ready))
    }
    return net
  }

  @Test("a plan that cannot be followed costs whoever proposed it its place", arguments: bad)
  func badPlan(plan: PathPlan, what: String) {
    var net = Self.lied(plan)
    let name = net.name(0)
    Self.work(&net)
    net.pass(.seconds(1))
    #expect(net.members(1) == [1, 2] && net.members(2) == [1, 2])
    #expect(
      net.peers[1].reasons.last?.contains("\(name) proposed a bad plan: \(what)") == true,
      "\(net.peers[1].reasons)")
    #expect(net.peers[1].outcomes.map(\.contributors.count) == [2])
    #expect(net.peers[1].outcomes == net.peers[2].outcomes)
  }

  @Test("so does one for a call, or for what went in one shot already, or has its way")
  func badPlanOfCall() {
    let call: (Int) -> [Call] = { peer in
      [
        .allReduce(.f32([Float](repeating: 1, count: Self.count)), algorithm: .ring),
        .allReduce(.f32([1, 2, 3])), .allToAll([:], of: .f32),
      ]
    }
    for number in 0..<3 {
      var net = Self.lied(PathPlan(.direct))
      let name = net.name(0)
      let calls = (0..<3).map { net.call($0, call($0)[number]) }
      net.deliver()
      net.pass(.seconds(1))
      #expect(net.members(1) == [1, 2])
      #expect(
        net.peers[1].reasons.last?.contains(
          "\(name) proposed a bad plan: the way is not its to choose") == true,
        "\(net.peers[1].reasons)")
      #expect(throws: Never.self) { try net.result(1, calls[1])?.get() }
      #expect(net.result(2, calls[2]) != nil)
    }
  }

  @Test("a plan says the same in every copy, and what is no plan is refused")
  func wire() throws {
    for (plan, _) in Self.bad { #expect(try PathPlan(decoding: plan.encoded()) == plan) }
    let bytes = PathPlan(.ring, Topology(order: [2, 0, 1])).encoded()
    let error = #expect(throws: MalformedMessage.self) {
      try PathPlan(decoding: [99] + bytes.dropFirst())
    }
    #expect(error?.what == "no algorithm has the number 99")
    #expect(throws: MalformedMessage.self) { try PathPlan(decoding: bytes + [0]) }
    #expect(throws: MalformedMessage.self) { try PathPlan(decoding: Array(bytes.dropLast())) }
    #expect(throws: MalformedMessage.self) {
      try PathPlan(
        decoding: [UInt8](repeating: 0, count: FerryCollectives.Operation.wireBytesMax + 1))
    }
  }

  @Test("a member that is lost in its turn holds nobody up")
  func lostInTurn() {
    let settings = GroupLogic.Settings(seed: Seed(1))
    var net = GroupNet.group(
      5, settings: { _ in settings },
      prepare: { net in
        net.fate = { _, to, message in
          // The second never gets an answer, so that its turn does not end.
          if to == 1, case .paths(.heard) = message { return .waits }
          return .arrives
        }
      })
    #expect(!net.peers[0].logic.knowsPaths)
    net.fate = { _, _, _ in .arrives }
    net.kill(1)
    net.pass(.seconds(2))
    #expect(net.members(0) == [0, 2, 3, 4])
    for peer in [0, 2, 3, 4] { #expect(net.peers[peer].logic.knowsPaths) }
  }
}
