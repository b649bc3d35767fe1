// SPDX-License-Identifier: Apache-2.0

import FerryPeers

/// A few memberships wired together in memory. Time moves by hand; messages arrive when delivered.
struct MembershipNet {
  var peers: [Membership]
  private(set) var now: Duration = .zero
  private(set) var installs: [[ViewChange]]
  private(set) var evictions: [[String]]
  /// Who asked for what, oldest first; kept for tests that look.
  private(set) var sent: [(from: Int, to: Int, message: MembershipMessage)] = []
  private var queue: [(from: Int, to: Int, message: MembershipMessage)] = []
  private var links: Set<[Int]> = []
  private(set) var dead: Set<Int> = []

  init(_ count: Int, quorum: Membership.Quorum = .living) {
    peers = (0..<count).map { Membership(me: .numbered($0), quorum: quorum) }
    installs = Array(repeating: [], count: count)
    evictions = Array(repeating: [], count: count)
  }

  /// All of them in one group, with links between all.
  static func group(_ count: Int, quorum: Membership.Quorum = .living) -> MembershipNet {
    var net = MembershipNet(count, quorum: quorum)
    net.take(net.peers[0].found(committed: 0), from: 0)
    for peer in 1..<count { net.seek(peer) }
    for a in 0..<count { for b in 0..<a { net.link(a, b) } }
    net.pass(.seconds(2))
    net.sent = []
    return net
  }

  func name(_ peer: Int) -> String { peers[peer].me.id.short }
  func view(_ peer: Int) -> View? { peers[peer].view }
  /// The peers in a view, by index.
  func members(_ peer: Int) -> [Int]? {
    peers[peer].view?.members.map { member in peers.firstIndex { $0.me == member } ?? -1 }
  }

  mutating func found(_ peer: Int, committed: UInt64 = 0) {
    take(peers[peer].found(committed: committed), from: peer)
  }

  mutating func seek(_ peer: Int) {
    peers[peer].seek(PeerAddress(host: "peer", port: UInt16(peer + 1)))
  }

  mutating func handle(_ peer: Int, _ event: Membership.Event) {
    guard !dead.contains(peer) else { return }
    take(peers[peer].handle(event, at: now), from: peer)
  }

  mutating func leave(_ peer: Int) { take(peers[peer].leave(at: now), from: peer) }

  mutating func resign(_ peer: Int, _ reason: String) {
    take(peers[peer].resign(reason), from: peer)
  }

  mutating func link(_ a: Int, _ b: Int) {
    links.insert([min(a, b), max(a, b)])
    handle(a, .linked(peers[b].me, address: nil))
    handle(b, .linked(peers[a].me, address: nil))
  }

  mutating func unlink(_ a: Int, _ b: Int, _ cause: LossCause) {
    guard links.remove([min(a, b), max(a, b)]) != nil else { return }
    queue.removeAll { ($0.from == a && $0.to == b) || ($0.from == b && $0.to == a) }
    handle(a, .unlinked(peers[b].me, cause))
    handle(b, .unlinked(peers[a].me, cause))
  }

  /// The process is gone, and all who had a link to it see that.
  mutating func kill(_ peer: Int, _ cause: LossCause = .processGone) {
    dead.insert(peer)
    for other in peers.indices where other != peer { unlink(other, peer, cause) }
  }

  /// Delivers all that is under way, and what follows from it.
  mutating func deliver() {
    while !queue.isEmpty {
      let (from, to, message) = queue.removeFirst()
      handle(to, .received(peers[from].me, message))
    }
  }

  /// Lets peers tick without any message arriving.
  mutating func tick(_ peers: [Int], at time: Duration) {
    now = time
    for peer in peers { handle(peer, .tick) }
  }

  /// Lets time go by; everybody wakes when it asked to.
  mutating func pass(_ duration: Duration) {
    let end = now + duration
    deliver()
    while now < end {
      let wakes = peers.indices.filter { !dead.contains($0) }.map { peers[$0].nextWake(at: now) }
      now = min(end, wakes.min() ?? end)
      for peer in peers.indices { handle(peer, .tick) }
      deliver()
    }
  }

  private mutating func take(_ actions: [Membership.Action], from peer: Int) {
    for action in actions {
      switch action {
      case .send(let id, let message):
        guard let to = peers.firstIndex(where: { $0.me.id == id }),
          links.contains([min(peer, to), max(peer, to)])
        else { continue }
        sent.append((peer, to, message))
        queue.append((peer, to, message))
      case .install(let change): installs[peer].append(change)
      case .evicted(let reason): evictions[peer].append(reason)
      case .dial: break
      }
    }
  }
}

extension Member {
  /// The first life of a peer whose key orders as its number does.
  static func numbered(_ number: Int) -> Member {
    Member(
      id: PeerID(bytes: Array(repeating: UInt8(number + 1), count: PeerID.byteCount))!,
      incarnation: UInt64(number))
  }
}
