// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryPeers
import FerryTensors

/// One round: ready, exchanged, held by all, committed; and the next one opened.
extension GroupLogic {
  /// The try at the coming round that belongs to a view.
  mutating func prepare(in view: View) {
    outcome = nil
    attempt = Exchange(
      stage: .init(view: view.number, round: committed + 1), members: view.members, me: me)
  }

  /// Says that this member is ready, once it is.
  mutating func announce(at now: Duration) -> [LinkAction] {
    guard let view, !membership.isFrozen, hasState, let attempt, !attempt.isAnnounced,
      let contribution = contributions[committed + 1], let server, server.round == committed
    else { return [] }
    let kind = "\(settings.codec) \(settings.algorithm) \(settings.operation)"
    var ready = GroupMessage.Ready(
      weight: contribution.weight, note: contribution.note,
      operation: "\(contribution.values.count) elements as \(kind)",
      stateDigest: membership.standing.stateDigest)
    if contribution.weight > 0, opensOnReady(contribution.values.count, in: view) {
      do {
        ready.opening = try opening(contribution.values, in: view)
      } catch {
        return giveUp(error, at: now)
      }
    }
    ready.plan = proposedPlan(
      contribution.values.count, of: settings.round, among: view.members)
    watch.heard(permille: 1000, from: me, at: now)
    let actions = self.attempt?.announce(ready) ?? []
    return actions + advanceRound(at: now)
  }

  /// Takes the round as far as what is here allows.
  mutating func advanceRound(at now: Duration) -> [LinkAction] {
    guard let view, !membership.isFrozen else { return [] }
    var actions: [LinkAction] = []
    if attempt?.isAssembled == true {
      do {
        actions += try startExchange(in: view, at: now)
      } catch {
        return giveUp(error, at: now)
      }
    }
    if let trouble = attempt?.trouble {
      return actions + pass(.trouble(reason: trouble.reason, without: trouble.without), at: now)
    }
    if let output = attempt?.takeOutput(), case .f32(let result) = output.values {
      actions += hold(result, sums: output.sums)
    }
    return actions + commitIfAllHold(at: now)
  }

  private mutating func startExchange(
    in view: View, at now: Duration
  ) throws(CollectiveError) -> [LinkAction] {
    guard let attempt, let mine = contributions[committed + 1] else { return [] }
    let apart = attempt.statesApart
    if !apart.isEmpty {
      let reason = "the shared state of \(attempt.names(apart)) is not the majority's"
      return pass(.trouble(reason: reason, without: apart), at: now)
    }
    if let quarrel = attempt.meaningsApart {
      return pass(.trouble(reason: quarrel.reason, without: quarrel.without), at: now)
    }
    watch.exchangeMoved(at: now)
    membership.mayAdmit = false
    let weights = attempt.said.map(\.weight)
    guard weights.contains(where: { $0 > 0 }) else {
      return hold(Array(repeating: 0, count: mine.values.count))
    }
    let opened = opensOnReady(mine.values.count, in: view)
    let plan: PathPlan?
    do {
      plan = try attempt.plan(of: settings.round, isOpened: opened)
    } catch {
      let bad = attempt.badPlan(error, of: settings.round)
      return pass(.trouble(reason: bad.reason, without: bad.without), at: now)
    }
    if plan != nil { paths.followed += 1 }
    let reduction = try reduction(weights, in: view, topology: plan?.topology ?? Topology())
    let machine = (plan?.algorithm ?? settings.algorithm).machine(mine.values, in: reduction)
    return try self.attempt!.begin(machine, opened: opened)
  }

  /// This member holds the complete result: tells the others, but commits only when all do.
  private mutating func hold(_ result: [Float], sums: [UInt64]? = nil) -> [LinkAction] {
    guard let view, let attempt else { return [] }
    let digest = Digest.quick(
      of: result.span.elementBytes, count: result.count, seed: fingerprintSeed, sums: sums,
      then: attempt.record)
    outcome = RoundOutcome(
      round: committed + 1, view: view,
      contributors: attempt.contributors, values: result)
    membership.standing.held = HeldResult(
      round: committed + 1, view: view.number, digest: digest)
    return self.attempt!.hold(digest, listeners: view.members)
  }

  private mutating func commitIfAllHold(at now: Duration) -> [LinkAction] {
    guard !membership.isFrozen, let attempt, attempt.isHeld, attempt.isComplete else { return [] }
    let odd = attempt.minority
    guard odd.isEmpty else {
      return pass(
        .trouble(
          reason: """
            the results of round \(committed + 1) differ: \(attempt.names(odd)) against the rest
            """, without: odd), at: now)
    }
    conclude(at: now)
    open(at: now)
    return replayEarly(at: now) + announce(at: now)
  }

  /// The result in hand is the round's: hands it to the worker.
  mutating func conclude(at now: Duration) {
    guard let outcome else { return }
    membership.standing.conclude(outcome.round)
    contributions[outcome.round] = nil
    if let view { prepare(in: view) }
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
