// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import Testing

/// A few group logics wired together in memory, each with a worker that answers at once.
///
/// Time moves by hand, and messages can be held back, changed or dropped on their way.
struct GroupNet {
  enum Fate {
    case arrives
    /// Waits, with all behind it on the same link, until `release`.
    case waits
    /// Waits until `release`, and what comes later overtakes it.
    case isOvertaken
    case becomes(GroupMessage)
  }

  struct Peer {
    var logic: GroupLogic
    var state: [Float] = [0]
    var outcomes: [RoundOutcome] = []
    var opened: [UInt64] = []
    var reasons: [String] = []
    var evictions: [String] = []
    var charters: [[UInt8]] = []
    var finished: [UInt64: Result<CallOutcome, CollectiveError>] = [:]
    var loads = 0
    var isDead = false
    var wake: Duration?
    /// What its worker hands in: nil hands in nothing, and the test may.
    var values: ((UInt64) -> [Float])?
    var weight: Double = 1
  }

  var peers: [Peer]
  private(set) var now: Duration = .zero
  var fate: (_ from: Int, _ to: Int, GroupMessage) -> Fate = { _, _, _ in .arrives }
  /// Who lost its place stays out, so that a test sees the group without it.
  var refusesKnocks = false
  private var lastCall: UInt64 = 0
  private var queue: [(from: Int, to: Int, frame: Frame)] = []
  private var held: [(from: Int, to: Int, frame: Frame)] = []
  private var overtaken: [(from: Int, to: Int, frame: Frame)] = []
  private var links: Set<[Int]> = []

  init(
    _ count: Int,
    settings: (Int) -> GroupLogic.Settings = { _ in .init(algorithm: .direct, seed: Seed(1)) }
  ) {
    peers = (0..<count).map { number in
      let me = Member(
        id: PeerID(bytes: Array(repeating: UInt8(number + 1), count: PeerID.byteCount))!,
        incarnation: UInt64(number))
      return Peer(
        logic: GroupLogic(me: me, settings: settings(number)),
        values: { round in (0..<4).map { Float(number + 1) * Float(round) + Float($0) } })
    }
  }

  /// All in one group; rounds begin when messages are delivered.
  static func group(
    _ count: Int,
    settings: (Int) -> GroupLogic.Settings = { _ in .init(algorithm: .direct, seed: Seed(1)) },
    prepare: (inout GroupNet) -> Void = { _ in }
  ) -> GroupNet {
    var net = GroupNet(count, settings: settings)
    prepare(&net)
    // Nobody works before all are there.
    let workers = net.peers.map(\.values)
    for peer in net.peers.indices { net.peers[peer].values = nil }
    net.found(0)
    for peer in 1..<count { net.seek(peer) }
    for a in 0..<count { for b in 0..<a { net.link(a, b) } }
    net.pass(.seconds(2))
    for peer in net.peers.indices { net.peers[peer].values = workers[peer] }
    net.refusesKnocks = true
    return net
  }

  func name(_ peer: Int) -> String { peers[peer].logic.me.id.short }
  /// The members of a peer's view, by index.
  func members(_ peer: Int) -> [Int]? {
    peers[peer].logic.view?.members.map { member in
      peers.firstIndex { $0.logic.me == member } ?? -1
    }
  }

  mutating func found(_ peer: Int) {
    act(peer) { logic, now in
      logic.found(StateServer(SharedState(round: 0, tensors: [("sum", [0])], note: [])), at: now)
    }
  }

  mutating func seek(_ peer: Int) {
    act(peer) { $0.seek(PeerAddress(host: "peer", port: UInt16(peer + 1)), at: $1) }
  }

  mutating func link(_ a: Int, _ b: Int) {
    links.insert([min(a, b), max(a, b)])
    let (first, second) = (peers[a].logic.me, peers[b].logic.me)
    act(a) { $0.handle(.linked(second, address: nil), at: $1) }
    act(b) { $0.handle(.linked(first, address: nil), at: $1) }
  }

  mutating func kill(_ peer: Int) {
    peers[peer].isDead = true
    let gone = peers[peer].logic.me
    queue.removeAll { $0.from == peer || $0.to == peer }
    held.removeAll { $0.from == peer || $0.to == peer }
    overtaken.removeAll { $0.from == peer || $0.to == peer }
    for other in peers.indices where links.remove([min(other, peer), max(other, peer)]) != nil {
      act(other) { $0.handle(.unlinked(gone, .processGone), at: $1) }
    }
  }

  /// Hands a frame to a peer as if another had sent it.
  mutating func inject(_ message: GroupMessage, from: Int, to: Int) {
    let sender = peers[from].logic.me
    act(to) { $0.handle(.received(sender, message.frame()), at: $1) }
  }

  /// Lets the workers hand in their parts of the open round.
  mutating func work(_ who: [Int]? = nil) {
    for peer in who ?? Array(peers.indices) where !peers[peer].isDead {
      guard let values = peers[peer].values, peers[peer].logic.view != nil else { continue }
      let (round, weight) = (peers[peer].logic.committed + 1, peers[peer].weight)
      act(peer) { logic, now in
        logic.contribute(
          Contribution(
            round: round, values: values(round), weight: weight, note: [UInt8(peer)]), at: now)
      }
    }
  }

  mutating func act(_ peer: Int, _ body: (inout GroupLogic, Duration) -> [LinkAction]) {
    guard !peers[peer].isDead else { return }
    take(body(&peers[peer].logic, now), from: peer)
    while true {
      let notices = peers[peer].logic.takeNotices()
      if notices.isEmpty { return }
      for notice in notices { take(notice, of: peer) }
    }
  }

  private mutating func take(_ notice: GroupNotice, of peer: Int) {
    switch notice {
    case .opened(let round, _): peers[peer].opened.append(round)
    case .committed(let outcome):
      peers[peer].outcomes.append(outcome)
      peers[peer].state = [peers[peer].state[0] + outcome.values.reduce(0, +)]
      publish(peer, round: outcome.round)
    case .loaded(let state):
      peers[peer].loads += 1
      peers[peer].state = state.tensors[0].values
    case .changed(_, let reason): peers[peer].reasons.append(reason)
    case .evicted(let reason), .stopped(let reason): peers[peer].evictions.append(reason)
    case .charter(let bytes): peers[peer].charters.append(bytes)
    case .hurried: break
    case .received: break
    case .finished(let id, let result):
      #expect(peers[peer].finished[id] == nil, "call \(id) of \(peer) ended twice")
      peers[peer].finished[id] = result
    }
  }

  /// Makes a call and gives its number.
  mutating func call(
    _ peer: Int, _ call: Call, on channel: Channel = Channel(),
    within limit: Duration = .seconds(60)
  ) -> UInt64 {
    lastCall += 1
    let id = lastCall
    let until = now + limit
    act(peer) { $0.call(call, on: channel, id: id, until: until, at: $1) }
    return id
  }

  /// What came of a call, if it is over.
  func result(_ peer: Int, _ id: UInt64) -> Result<CallOutcome, CollectiveError>? {
    peers[peer].finished[id]
  }

  private mutating func publish(_ peer: Int, round: UInt64) {
    let server = StateServer(
      SharedState(round: round, tensors: [("sum", peers[peer].state)], note: []))
    take(peers[peer].logic.publish(server, at: now), from: peer)
  }

  private mutating func take(_ actions: [LinkAction], from peer: Int) {
    for action in actions {
      switch action {
      case .send(let id, let frame):
        guard let to = peers.firstIndex(where: { $0.logic.me.id == id }),
          links.contains([min(peer, to), max(peer, to)])
        else { continue }
        queue.append((peer, to, frame))
      case .wake(let at): peers[peer].wake = at
      case .hangUp(let id, let reason):
        guard let to = peers.firstIndex(where: { $0.logic.me.id == id }) else { continue }
        peers[peer].reasons.append("hung up on \(to): \(reason)")
      case .dial: break
      }
    }
  }

  /// Delivers all that is under way, and what follows from it.
  mutating func deliver() {
    while !queue.isEmpty {
      let (from, to, frame) = queue.removeFirst()
      guard !peers[to].isDead, let message = try? GroupMessage(frame) else { continue }
      if refusesKnocks, case .membership(.knock) = message { continue }
      let sender = peers[from].logic.me
      if held.contains(where: { $0.from == from && $0.to == to }) {
        held.append((from, to, frame))
        continue
      }
      switch fate(from, to, message) {
      case .arrives: act(to) { $0.handle(.received(sender, frame), at: $1) }
      case .becomes(let other): act(to) { $0.handle(.received(sender, other.frame()), at: $1) }
      case .waits: held.append((from, to, frame))
      case .isOvertaken: overtaken.append((from, to, frame))
      }
    }
  }

  /// Lets everything arrive from now on, what was held back first.
  mutating func release() {
    fate = { _, _, _ in .arrives }
    queue = overtaken + held + queue
    (held, overtaken) = ([], [])
    deliver()
  }

  /// Lets time go by; everybody wakes when it asked to.
  mutating func pass(_ duration: Duration) {
    let end = now + duration
    deliver()
    while now < end {
      let wakes = peers.filter { !$0.isDead }.compactMap(\.wake)
      now = min(end, max(wakes.min() ?? end, now + .milliseconds(1)))
      for peer in peers.indices where peers[peer].wake.map({ $0 <= now }) ?? false {
        peers[peer].wake = nil
        act(peer) { $0.handle(.woke, at: $1) }
      }
      deliver()
    }
  }
}
