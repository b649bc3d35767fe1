// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

/// How a newcomer comes by the group's state, and how members hand it out.
extension GroupLogic {
  /// How long after a fetch that came to nothing the next one begins.
  private static let fetchPause: Duration = .milliseconds(200)

  /// A view without the state in hand: fetches it from the others. What came already is kept while
  /// the round wanted is the same.
  mutating func beginFetch(of change: ViewChange, at now: Duration) -> [LinkAction] {
    let others = change.view.members.filter { $0 != me && membership.isLinked($0) }
    fetchAgainAt = nil
    guard var fetch, !fetch.isOver, fetch.round == change.committed else {
      var fresh = StateFetch(fellows: others, round: change.committed, base: base)
      let actions = fresh.start(at: now)
      fetch = fresh
      return perform(actions, at: now)
    }
    var actions: [StateFetch.Action] = []
    for gone in fetch.fellows.keys.sorted() where !others.contains(gone) {
      actions += fetch.lost(gone, at: now)
    }
    for new in others { actions += fetch.joined(new, at: now) }
    self.fetch = fetch
    return perform(actions, at: now)
  }

  mutating func receiveState(_ bytes: [UInt8], from member: Member, at now: Duration)
    -> [LinkAction]
  {
    do {
      switch try StateMessage(decoding: bytes) {
      case .request(let request):
        watch.touched(member, at: now)
        let answer = server.map { $0.answer(request) } ?? .absent(root: request.root)
        return [.send(member.id, GroupMessage.state(StateMessage.answer(answer).encoded()).frame())]
      case .answer(let answer):
        guard fetch != nil else { return [] }
        let before = fetch!.progress
        let actions = fetch!.receive(answer, from: member, byteCount: bytes.count, at: now)
        return perform(actions, at: now) + reportFetch(since: before)
      }
    } catch {
      return [.hangUp(member.id, reason: "\(error)")]
    }
  }

  /// The others bear with a newcomer as long as its fetch moves.
  private mutating func reportFetch(since before: (done: Int, of: Int)) -> [LinkAction] {
    guard let view, let fetch, fetch.progress.done != before.done, fetch.progress.of > 0 else {
      return []
    }
    let permille = UInt16(min(999, 1 + 998 * fetch.progress.done / fetch.progress.of))
    let stage = GroupMessage.Stage(view: view.number, round: committed + 1)
    return broadcast(.progress(stage, permille: permille))
  }

  mutating func lostFellow(_ member: Member, at now: Duration) -> [LinkAction] {
    guard fetch != nil else { return [] }
    let actions = fetch!.lost(member, at: now)
    return perform(actions, at: now)
  }

  mutating func tickFetch(at now: Duration) -> [LinkAction] {
    if let again = fetchAgainAt, now >= again, !hasState, let change = membership.current {
      return beginFetch(of: change, at: now)
    }
    guard let due = fetch?.nextDeadline, now >= due else { return [] }
    let actions = fetch!.tick(at: now)
    return perform(actions, at: now)
  }

  func fetchWake(at now: Duration) -> Duration {
    [fetch?.nextDeadline, fetchAgainAt].compactMap(\.self).min() ?? now + .seconds(1)
  }

  private mutating func perform(_ actions: [StateFetch.Action], at now: Duration) -> [LinkAction] {
    var out: [LinkAction] = []
    for action in actions {
      switch action {
      case .ask(let member, let request):
        out.append(
          .send(member.id, GroupMessage.state(StateMessage.request(request).encoded()).frame()))
      case .blame(let member, let error):
        out.append(.hangUp(member.id, reason: "\(error)"))
      case .complete(let server): out += loaded(server, at: now)
      case .failed:
        // Those who hold the state may be back, or may finish applying their round.
        fetch = nil
        fetchAgainAt = now + Self.fetchPause
      }
    }
    return out
  }
}

extension StateRequest {
  /// The root asked for; zeros where none is named. An answer must name it, or the asker would take
  /// it for one to an older question and ask the same fellow again.
  fileprivate var root: [UInt8] {
    switch self {
    case .root: Array(repeating: 0, count: Digest.byteCount)
    case .manifest(let root), .chunk(let root, _): root
    }
  }
}
