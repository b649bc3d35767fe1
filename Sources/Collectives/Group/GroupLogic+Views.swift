// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers

/// What follows from a change of the members, and what time itself brings.
extension GroupLogic {
  func broadcast(_ message: GroupMessage) -> [LinkAction] {
    let frame = message.frame()
    return (view?.members ?? []).filter { $0 != me }.map { .send($0.id, frame) }
  }

  mutating func pass(_ event: Membership.Event, at now: Duration) -> [LinkAction] {
    isUnsettled = true
    let actions = membership.handle(event, at: now)
    return perform(actions, at: now)
  }

  mutating func perform(_ actions: [Membership.Action], at now: Duration) -> [LinkAction] {
    var out: [LinkAction] = []
    for action in actions {
      switch action {
      case .send(let peer, let message):
        out.append(.send(peer, GroupMessage.membership(message).frame()))
      case .dial(let address): out.append(.dial(address))
      case .install(let change): out += install(change, at: now)
      case .evicted(let reason):
        forgetGroup(for: reason)
        notices.append(membership.isLeaving ? .stopped(reason: reason) : .evicted(reason: reason))
      }
    }
    return out
  }

  mutating func install(_ change: ViewChange, at now: Duration) -> [LinkAction] {
    let newcomers = change.view.members.filter { !known.contains($0) }
    known = Set(change.view.members)
    hasGathered =
      hasGathered || change.view.members.count >= settings.membersMin || change.committed > 0
    if hasState {
      let isHeld =
        outcome?.round == change.committed
        && membership.standing.held?.digest == change.resultDigest
      if change.committed == committed + 1, isHeld {
        conclude(at: now)
      } else if change.committed != committed {
        return perform(membership.resign("its rounds are not the group's"), at: now)
      }
    }
    prepare(in: change.view)
    membership.standing.held = nil
    membership.mayAdmit = true
    watch.viewChanged(to: change.view, at: now)
    paths.viewChanged(to: change.view, me: me, at: now)
    notices.append(.changed(change.view, reason: change.reason))
    var actions: [LinkAction] = []
    if !hasState {
      membership.standing = Standing(committed: change.committed, holdsState: false)
      prepare(in: change.view)
      actions += beginFetch(of: change, at: now)
    }
    guard installChannels(change, at: now) != nil else {
      return perform(membership.resign("its operations are not the group's"), at: now)
    }
    open(at: now)
    return actions + replayEarly(at: now) + announce(at: now)
      + resumeChannels(change, newcomers: newcomers, at: now)
  }

  private mutating func forgetGroup(for reason: String) {
    hasState = false
    paths.forgetGroup()
    failAllCalls(
      CollectiveError(
        membership.isLeaving ? .stopped : .evicted, "this peer lost its place: \(reason)",
        place: "operations", remedy: "Load the group's state, and go on from it."))
    (known, channelsMovedAt, hasGathered) = ([], nil, false)
    (contributions, attempt, outcome, early, opened, assignmentView) = ([:], nil, nil, [], nil, nil)
    base = server ?? base
    (server, fetch, fetchAgainAt) = (nil, nil, nil)
  }

  mutating func loaded(_ server: StateServer, at now: Duration) -> [LinkAction] {
    hasState = true
    membership.standing.holdsState = true
    (fetch, fetchAgainAt, base) = (nil, nil, nil)
    publish(server)
    assignmentView = assignmentView ?? View(number: 0, members: [])
    notices.append(.loaded(server.state))
    open(at: now)
    var actions = replayEarly(at: now) + announce(at: now)
    for channel in channelsInOrder {
      actions += replayEarly(in: channel, at: now) + advance(channel, at: now)
    }
    return actions
  }

  mutating func publish(_ state: StateServer) {
    server = state
    membership.standing.stateDigest = state.digest
  }

  /// When most members are ready, the others need not finish all they meant to do.
  mutating func hurryTheLate(at now: Duration) -> [LinkAction] {
    guard !membership.isFrozen, let attempt, attempt.isAnnounced, !attempt.hasHurried,
      attempt.readyCount < attempt.members.count,
      2 * attempt.readyCount > attempt.members.count, watch.shouldHurry(at: now)
    else { return [] }
    attempt.hasHurried = true
    return attempt.late.map { .send($0.id, GroupMessage.hurry(attempt.stage).frame()) }
  }

  /// As `settle`, where anything may have come of it: messages of channels, by far the most where
  /// there are small operations, mostly change no deadline but their callers'.
  mutating func settleIfNeeded(at now: Duration) -> [LinkAction] {
    isUnsettled || nextWake.map({ $0 <= now }) ?? true ? settle(at: now) : []
  }

  /// What is due, and when to come back.
  mutating func settle(at now: Duration) -> [LinkAction] {
    var actions = pass(.tick, at: now)
    actions += tickFetch(at: now) + hurryTheLate(at: now) + tickPaths(at: now)
    if hasState, !membership.isFrozen, let attempt,
      let verdict = watch.verdict(on: attempt, pace: membership.pace, at: now)
    {
      actions += pass(.trouble(reason: verdict.reason, without: verdict.without), at: now)
    }
    expireCalls(at: now)
    if hasState, !membership.isFrozen, let verdict = channelsVerdict(at: now) {
      channelsMovedAt = now
      actions += pass(.trouble(reason: verdict.reason, without: verdict.without), at: now)
    }
    isUnsettled = false
    let wake = min(
      membership.nextWake(at: now), watch.nextCheck(at: now),
      min(fetchWake(at: now), pathsWake(at: now)),
      nextDeadline.map { max($0, now + .milliseconds(1)) } ?? .seconds(1 << 40))
    if let nextWake, nextWake <= wake, nextWake > now { return actions }
    nextWake = wake
    return actions + [.wake(at: wake)]
  }
}
