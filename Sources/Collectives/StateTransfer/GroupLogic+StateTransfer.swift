// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

/// How a newcomer of a group comes by the shared state, and its fellows give it.
extension GroupLogic {
  /// A view without the state in hand: fetches it from the view's other members. What came already
  /// is kept if the round is still the same.
  mutating func beginFetch(of change: ViewChange, at now: Duration) -> [LinkAction] {
    let others = change.view.members.filter { $0 != me }
    guard let old = fetch, !old.isOver, old.round == change.committed else {
      fetch = StateFetch(fellows: others, round: change.committed)
      return perform(fetch!.start(at: now), at: now)
    }
    var actions: [StateFetch.Action] = []
    for gone in old.members where !others.contains(gone) { actions += fetch!.lost(gone, at: now) }
    for new in others { actions += fetch!.joined(new, at: now) }
    return perform(actions, at: now)
  }

  mutating func lostFellow(_ member: Member, at now: Duration) -> [LinkAction] {
    perform(fetch?.lost(member, at: now) ?? [], at: now)
  }

  mutating func receiveState(
    _ bytes: [UInt8], from member: Member, at now: Duration
  ) -> [LinkAction] {
    let message: StateMessage
    do {
      message = try StateMessage(decoding: bytes)
    } catch {
      return [.hangUp(member.id, reason: "\(error)")]
    }
    switch message {
    case .request(let request):
      watch.touched(member, at: now)
      let answer = server?.answer(request) ?? .absent(root: request.root)
      return [.send(member.id, GroupMessage.state(StateMessage.answer(answer).encoded()).frame())]
    case .answer(let answer):
      let actions = fetch?.receive(answer, from: member, byteCount: bytes.count, at: now)
      return perform(actions ?? [], at: now)
    }
  }

  mutating func tickFetch(at now: Duration) -> [LinkAction] {
    guard let due = fetch?.nextDeadline, due <= now else { return [] }
    return perform(fetch!.tick(at: now), at: now)
  }

  /// When `tickFetch` is due.
  func fetchWake(at now: Duration) -> Duration { fetch?.nextDeadline ?? now + .seconds(3600) }

  private mutating func perform(
    _ actions: [StateFetch.Action], at now: Duration
  ) -> [LinkAction] {
    var out: [LinkAction] = []
    for action in actions {
      switch action {
      case .ask(let member, let request):
        let message = StateMessage.request(request).encoded()
        out.append(.send(member.id, GroupMessage.state(message).frame()))
      case .blame: break  // Left out by the fetch itself; a newcomer's word evicts nobody.
      case .complete(let server): out += loaded(server.state, server: server, at: now)
      case .failed(let error):
        fetch = nil
        out += perform(membership.resign(error.description), at: now)
      }
    }
    return out
  }
}

extension StateRequest {
  /// The root asked for; zeros where none is named.
  var root: [UInt8] {
    switch self {
    case .root: Array(repeating: 0, count: Digest.byteCount)
    case .manifest(let root), .chunk(let root, _): root
    }
  }
}

extension StateFetch {
  /// All fellows, those included that are out.
  var members: [Member] { fellows.keys.sorted() }
}
