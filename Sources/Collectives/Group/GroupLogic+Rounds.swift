// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

/// One round: ready, exchanged, held by all, committed; and the next one opened.
extension GroupLogic {
  /// Says that this member is ready, once it is.
  mutating func announce(at now: Duration) -> [LinkAction] {
    guard let view, !membership.isFrozen, hasState, attempt.readies[me] == nil,
      let contribution = contributions[committed + 1], let server, server.round == committed
    else { return [] }
    var ready = GroupMessage.Ready(
      weight: contribution.weight, note: contribution.note,
      elementCount: UInt64(contribution.values.count),
      operation: "\(settings.codec) \(settings.algorithm) \(settings.operation)",
      stateDigest: membership.standing.stateDigest)
    if contribution.weight > 0, opensOnReady(contribution.values.count, in: view) {
      do {
        ready.opening = try opening(contribution.values, in: view)
      } catch {
        return giveUp(error, at: now)
      }
    }
    attempt.readies[me] = ready
    watch.heard(permille: 1000, from: me, at: now)
    let stage = GroupMessage.Stage(view: view.number, round: committed + 1)
    return broadcast(.ready(stage, ready)) + startExchange(at: now)
  }

  mutating func startExchange(at now: Duration) -> [LinkAction] {
    guard let view, attempt.machine == nil, attempt.result == nil,
      attempt.readies.count == view.members.count, let mine = contributions[committed + 1]
    else { return [] }
    if let quarrel = attempt.quarrel(in: view) {
      return pass(.trouble(reason: quarrel.reason, without: quarrel.without), at: now)
    }
    watch.exchangeMoved(at: now)
    membership.mayAdmit = false
    let weights = view.members.map { attempt.readies[$0]!.weight }
    guard weights.contains(where: { $0 > 0 }) else {
      return hold(Array(repeating: 0, count: mine.values.count), at: now)
    }
    do {
      let reduction = try reduction(weights, in: view)
      var machine = settings.algorithm.machine(working(on: mine.values), in: reduction)
      let outgoing = try machine.start()
      attempt.machine = consume machine
      let isOpened = opensOnReady(mine.values.count, in: view)
      var actions = isOpened ? takeOpenings(in: view, at: now) : send(outgoing, in: view)
      let waiting = attempt.waiting
      attempt.waiting = []
      for (rank, chunk) in waiting where self.view?.number == view.number {
        actions += take(chunk, from: rank, at: now)
      }
      return actions + finishIfDone(at: now)
    } catch {
      return giveUp(error, at: now)
    }
  }

  mutating func take(_ chunk: Chunk, from rank: Int, at now: Duration) -> [LinkAction] {
    guard let view, attempt.machine != nil else { return [] }
    do {
      let outgoing = try attempt.machine!.receive(chunk, from: rank)
      return send(outgoing, in: view) + finishIfDone(at: now)
    } catch {
      // Nobody to blame means that this member cannot send what it has: the others go on without it.
      let liar = error.culprit.map { view.members[$0] }
      let reason = liar.map { "\($0.id.short) sent a bad chunk: \(error)" } ?? "\(error)"
      return pass(.trouble(reason: reason, without: [liar ?? me]), at: now)
    }
  }

  mutating func finishIfDone(at now: Duration) -> [LinkAction] {
    guard attempt.result == nil, let result = attempt.machine?.result else { return [] }
    return hold(result, at: now)
  }

  /// This member holds the complete result: tells the others, but commits only when all do.
  mutating func hold(_ result: [Float], at now: Duration) -> [LinkAction] {
    guard let view else { return [] }
    attempt.machine = nil
    attempt.result = result
    let seed = settings.seed.derived("digest", committed + 1)
    let digest = attempt.recordDigest(of: result, in: view, seed: seed)
    attempt.dones[me] = digest
    attempt.outcome = RoundOutcome(
      round: committed + 1, view: view,
      contributors: view.members.map { member in
        let ready = attempt.readies[member]!
        return Contributor(member: member, weight: ready.weight, note: ready.note)
      }, values: result)
    membership.standing.held = HeldResult(
      round: committed + 1, view: view.number, digest: digest)
    let stage = GroupMessage.Stage(view: view.number, round: committed + 1)
    return broadcast(.done(stage, digest: digest)) + commitIfAllHold(at: now)
  }

  mutating func commitIfAllHold(at now: Duration) -> [LinkAction] {
    guard let view, !membership.isFrozen, let mine = attempt.dones[me],
      attempt.dones.count == view.members.count
    else { return [] }
    let odd = attempt.minority(in: view)
    guard odd.isEmpty, attempt.dones.values.allSatisfy({ $0 == mine }) else {
      let names = odd.map(\.id.short).joined(separator: ", ")
      return pass(
        .trouble(
          reason: "the results of round \(committed + 1) differ: \(names) against the rest",
          without: odd), at: now)
    }
    return commit(at: now)
  }

  mutating func commit(at now: Duration) -> [LinkAction] {
    conclude(at: now)
    open(at: now)
    return replayEarly(at: now) + announce(at: now)
  }

  /// The result in hand is the round's: hands it to the worker.
  mutating func conclude(at now: Duration) {
    guard let outcome = attempt.outcome else { return }
    membership.standing = Standing(committed: outcome.round)
    spare = contributions.removeValue(forKey: outcome.round)?.values ?? []
    attempt = RoundAttempt()
    membership.mayAdmit = true
    watch.roundEnded(at: now)
    assignmentView = outcome.view
    notices.append(.committed(outcome))
  }

  /// Opens the next round to the worker, once.
  mutating func open(at now: Duration) {
    guard hasState, let view, opened != committed + 1 else { return }
    if assignmentView == nil {
      guard view.members.count >= settings.membersMin else { return }
      // Whoever founds alone works from the start. A group that waits for its members gathers them
      // in an empty round, so that all know the view by which the first work is shared out.
      assignmentView = settings.membersMin > 1 ? View(number: 0, members: []) : view
    }
    opened = committed + 1
    watch.roundBegan(at: now)
    notices.append(.opened(round: committed + 1, view: assignmentView!))
  }

  mutating func replayEarly(at now: Duration) -> [LinkAction] {
    guard let view, !early.isEmpty else { return [] }
    let here = GroupMessage.Stage(view: view.number, round: committed + 1)
    let kept = early
    early = []
    var actions: [LinkAction] = []
    for (member, stage, message) in kept where stage.view >= here.view && stage.round >= here.round
    {
      if stage == here {
        actions += receive(message, from: member, at: now)
      } else {
        early.append((member, stage, message))
      }
    }
    return actions
  }
}
