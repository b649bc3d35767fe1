// SPDX-License-Identifier: Apache-2.0

/// What a killed peer cost the others, read from the events of all logs.
///
/// - Detection: from the kill, as the process that killed wrote it down, until the first survivor
///   noted that the peer is gone.
/// - Agreement: from there until the first survivor knew the new view.
/// - Repetition: from the new view until the interrupted round was committed, if every survivor had
///   handed in its work before the kill. Else 0: the round was still being computed anyway.
package struct RecoveryMeasure {
  /// Inner steps in a round; a survivor's step of number `round * stepsPerRound` is its last.
  package let stepsPerRound: Int

  package init(stepsPerRound: Int) { self.stepsPerRound = stepsPerRound }

  /// Nil as long as the interrupted round is not committed.
  package func recovery(from fault: Event.Fault, at killed: Int64, in events: [Event])
    -> Event.Recovery?
  {
    let after = events.filter { $0.t >= killed && $0.peer != fault.target }
    let noticed = after.compactMap { event -> Int64? in
      if case .left(let left) = event.content, left.member == fault.target { return event.t }
      return nil
    }.min()
    let agreed = after.compactMap { event -> Int64? in
      if case .view(let view) = event.content, !view.members.contains(fault.target) {
        return event.t
      }
      return nil
    }.min()
    guard let agreed else { return nil }
    let commits = after.compactMap { event -> (t: Int64, round: Int)? in
      if case .roundCommitted(let it) = event.content, event.t >= agreed {
        return (event.t, it.round)
      }
      return nil
    }
    guard let commit = commits.min(by: { ($0.round, $0.t) < ($1.round, $1.t) }) else { return nil }
    // A survivor that learns of the view and of the loss at once may note them in either order.
    let detected = min(noticed ?? agreed, agreed)
    return Event.Recovery(
      member: fault.target, detectionSeconds: seconds(killed, detected),
      agreementSeconds: seconds(detected, agreed),
      repetitionSeconds: isComputed(commit.round, before: killed, in: events, but: fault.target)
        ? seconds(agreed, commit.t) : 0)
  }

  /// Whether every survivor that worked for the round had done its last step.
  private func isComputed(
    _ round: Int, before time: Int64, in events: [Event], but lost: String
  ) -> Bool {
    let steps = (round - 1) * stepsPerRound + 1...round * stepsPerRound
    var lasts: [String: (step: Int, t: Int64)] = [:]
    for event in events where event.peer != lost {
      guard case .step(let step) = event.content, steps.contains(step.step) else { continue }
      if step.step >= lasts[event.peer]?.step ?? 0 { lasts[event.peer] = (step.step, event.t) }
    }
    return !lasts.isEmpty
      && lasts.values.allSatisfy { $0.step == steps.upperBound && $0.t <= time }
  }

  private func seconds(_ start: Int64, _ end: Int64) -> Double {
    Double(max(0, end - start)) / 1000
  }
}
