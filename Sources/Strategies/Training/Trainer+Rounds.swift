// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryLearning
import FerryPeers

extension Trainer {
  mutating func opened(_ round: UInt64, view: View) throws -> [TrainerAction] {
    guard round == roundOpened + 1 else {
      throw StrategyError(
        .roundMismatch, "round \(round) was opened after round \(roundOpened)",
        place: "opening a round", remedy: "This is a fault of ferry; leave and join again.")
    }
    guard round <= options.roundLast else { return [] }
    roundOpened = round
    let hand =
      book.hand(of: me, round: round)
      // Not dealt by a landed round: the first one since the run was founded or resumed.
      ?? book.dealing(counts(for: round, view), to: view.members)
      .first { $0.member == me }?.positions ?? Positions()
    dealt.formUnion(hand)
    return try pass(
      .opened(round: round, view: view, batches: dealt.sampleCount / options.batchSize))
  }

  private func counts(for round: UInt64, _ view: View) -> [Int] {
    strategy.quotas(round: round, view: view).map { $0 * options.batchSize }
  }

  mutating func landed(_ outcome: RoundOutcome) throws -> [TrainerAction] {
    let width = strategy.width(round: outcome.round, layout: replica.layout)
    guard outcome.round == roundLanded + 1, roundLanded == round, outcome.values.count == width
    else {
      throw StrategyError(
        .roundMismatch,
        "round \(outcome.round) with \(outcome.values.count) values landed after round "
          + "\(roundLanded), of which \(round) is applied; \(width) values were expected",
        place: "landing a round", remedy: "Check that all peers run the same model and version.")
    }
    roundLanded = outcome.round
    let notes = outcome.contributors.map { RoundNote($0.note) }
    var actions: [TrainerAction] = []
    for (contributor, note) in zip(outcome.contributors, notes) where note == nil {
      actions.append(.note("\(contributor.member.id) sent a note that does not decode"))
    }
    // A mean that is not finite is applied by nobody: all see the same bits, and skip alike.
    let isSound = outcome.values.isFinite
    if !isSound {
      actions.append(.note("the mean of round \(outcome.round) is not finite; it changes nothing"))
    }
    let landing = Landing(
      round: outcome.round, view: outcome.view, values: outcome.values,
      weight: isSound ? outcome.contributors.reduce(0) { $0 + $1.weight } : 0,
      contributors: zip(outcome.contributors, notes).map {
        Contributor(member: $0.member, weight: $0.weight, note: $1?.strategy ?? [])
      })
    let step = book.steps
    // A round in which nobody computed (the first, which gathers the members) is no step: else a
    // schedule's warm-up would be over before the first step.
    let isIdle = notes.allSatisfy { $0?.positions.sampleCount ?? 0 == 0 }
    let counted = try book.land(
      round: outcome.round,
      reports: zip(outcome.contributors, notes).map { contributor, note in
        (contributor.member, isSound ? note?.positions ?? Positions() : Positions())
      },
      steps: isIdle ? 0 : strategy.quotas(round: outcome.round, view: outcome.view).max() ?? 0,
      batchSize: options.batchSize, lag: strategy.reportLag,
      next: (outcome.view.members, counts(for: outcome.round + 1, outcome.view)))
    let mine = book.outstanding(of: me, through: outcome.round)
    used.formIntersection(mine)
    dealt.formIntersection(mine)
    stepsSinceLanding = 0
    bookBytes = book.bytes
    report = RoundReport(
      round: outcome.round, step: book.steps,
      samples: zip(outcome.contributors, counted).map { ($0.member, $1) },
      samplesTotal: book.ledger.consumed.count)
    return actions + (try pass(.landed(landing), step: step))
  }

  /// The strategy has made a landed round part of the parameters.
  mutating func applied(_ round: UInt64) throws -> [TrainerAction] {
    precondition(
      round == roundLanded && round == self.round + 1,
      "round \(round) was applied after round \(self.round); \(roundLanded) has landed")
    self.round = round
    let shared = try sharedState()
    var actions: [TrainerAction] = [.publish(shared)]
    if let report { actions.append(.landed(report)) }
    if round == options.roundLast || (options.saveEvery > 0 && round % options.saveEvery == 0) {
      actions.append(
        .save(TrainerState(shared: shared, own: try strategy.ownState(of: replica))))
    }
    return actions + finishing()
  }

  /// Ends the run if its last round is applied.
  mutating func finishing() -> [TrainerAction] {
    guard round >= options.roundLast else { return [] }
    (isOver, pending) = (true, nil)
    return [.finished(round: round)]
  }
}

extension [Float] {
  /// No element is infinite or not a number.
  var isFinite: Bool {
    let values = span
    var isFinite = true
    // No early exit: the loop stays free of branches and runs as wide as the machine allows.
    for i in values.indices { isFinite = isFinite && values[i].exponentBitPattern != 0xFF }
    return isFinite
  }
}
