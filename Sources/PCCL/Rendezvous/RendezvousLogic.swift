// SPDX-License-Identifier: Apache-2.0

package import FerryPeers

/// The master: tells peers where the others are, and lets one of them begin.
///
/// It decides nothing else, and a run goes on without it; only newcomers do not find it then. A master
/// that is started anew learns from the peers, who look for it, where they are.
package struct RendezvousLogic: PeerLogic {
  private enum Status: Hashable {
    case linked
    case asking
    case founding
    case member(PeerAddress)
  }

  private struct Client {
    var host: String
    var peerGroup: UInt32 = 0
    var status = Status.linked
    var world: UInt32 = 0
    /// Of all questions: the first who asked begins.
    var turn = 0
  }

  /// A master that was started anew waits so long for peers of a run that goes on.
  package static let grace: Duration = .milliseconds(500)

  package init() {}

  private var clients: [Member: Client] = [:]
  private var questions = 0
  private var told: [UInt32: UInt32] = [:]

  package mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
    switch event {
    case .linked(let member, let address):
      clients[member] = Client(host: address?.host ?? "127.0.0.1")
      return [.send(member.id, RendezvousMessage.worlds(told).frame)]
    case .unlinked(let member, _):
      guard let gone = clients.removeValue(forKey: member) else { return [] }
      return settle(gone.peerGroup, at: now) + tell()
    case .unreachable: return []
    case .woke: return Set(clients.values.map(\.peerGroup)).sorted().flatMap { settle($0, at: now) }
    case .received(let member, let frame):
      guard let message = try? RendezvousMessage(frame), clients[member] != nil else {
        return [.hangUp(member.id, reason: "not a peer's message")]
      }
      return take(message, from: member, at: now)
    }
  }

  private mutating func take(
    _ message: RendezvousMessage, from member: Member, at now: Duration
  ) -> [LinkAction] {
    switch message {
    case .ask(let group):
      questions += 1
      clients[member]?.peerGroup = group
      clients[member]?.status = .asking
      clients[member]?.turn = questions
      return settle(group, at: now)
    case .report(let group, let port, let world):
      let host = clients[member]?.host ?? ""
      clients[member]?.peerGroup = group
      clients[member]?.status = .member(PeerAddress(host: host, port: port))
      clients[member]?.world = world
      return settle(group, at: now) + tell()
    case .found, .join, .worlds:
      return [.hangUp(member.id, reason: "not a peer's message")]
    }
  }

  /// Answers those of a group who ask, if there is an answer.
  private func addresses(_ group: UInt32) -> [PeerAddress] {
    clients.sorted { $0.key < $1.key }.compactMap { _, client in
      if client.peerGroup == group, case .member(let address) = client.status {
        address
      } else {
        nil
      }
    }
  }

  private mutating func settle(_ group: UInt32, at now: Duration) -> [LinkAction] {
    let asking = clients.filter { $0.value.peerGroup == group && $0.value.status == .asking }
      .sorted { $0.value.turn < $1.value.turn }.map(\.key)
    guard let first = asking.first else { return [] }
    let known = Array(addresses(group).prefix(RendezvousMessage.addressesMax))
    if !known.isEmpty {
      // Not asking any more: who gets no further asks again.
      for member in asking { clients[member]?.status = .linked }
      return asking.map { .send($0.id, RendezvousMessage.join(known).frame) }
    }
    let isBegun = clients.values.contains { $0.peerGroup == group && $0.status == .founding }
    guard !isBegun else { return [] }
    guard now >= Self.grace else { return [.wake(at: Self.grace)] }
    clients[first]?.status = .founding
    return [.send(first.id, RendezvousMessage.found.frame)]
  }

  private mutating func tell() -> [LinkAction] {
    var worlds: [UInt32: UInt32] = [:]
    for client in clients.values {
      guard case .member = client.status else { continue }
      worlds[client.peerGroup] = max(worlds[client.peerGroup] ?? 0, client.world)
    }
    guard worlds != told, worlds.count <= RendezvousMessage.groupsMax else { return [] }
    told = worlds
    return clients.keys.sorted().map { .send($0.id, RendezvousMessage.worlds(worlds).frame) }
  }
}
