// SPDX-License-Identifier: Apache-2.0

import Testing
import ferry

@Suite("Recovery measure")
struct RecoveryMeasureTests {
  private let fault = Event.Fault(what: "SIGKILL", target: "c", note: "kill a peer")
  private let measure = RecoveryMeasure(stepsPerRound: 10)

  private func step(_ peer: String, _ step: Int, at t: Int64) -> Event {
    Event(t: t, peer: peer, .step(Event.Step(step: step, loss: 1, tokensPerSecond: 1)))
  }

  private func commit(_ peer: String, _ round: Int, at t: Int64) -> Event {
    Event(
      t: t, peer: peer,
      .roundCommitted(
        Event.RoundCommitted(
          round: round, seconds: 1, loss: nil, contributors: 2, tokens: 1, sent: BytesByPurpose(),
          dataParallelBytes: 0, hash: "")))
  }

  /// Kill at 1000, noticed at 1040, new view at 1100, round 3 committed at 1600.
  private func events(lastStepOfB: Int) -> [Event] {
    let view = Event.View(number: 5, members: ["a", "b"], coordinator: "a", reason: "")
    return [
      commit("a", 2, at: 500), step("a", 30, at: 900), step("b", lastStepOfB, at: 950),
      Event(t: 1060, peer: "a", .left(Event.Left(member: "c", reason: ""))),
      Event(t: 1040, peer: "b", .left(Event.Left(member: "c", reason: ""))),
      Event(t: 1100, peer: "b", .view(view)), Event(t: 1120, peer: "a", .view(view)),
      commit("b", 3, at: 1610), commit("a", 3, at: 1600), commit("a", 4, at: 3000),
    ]
  }

  @Test("an exchange that has to be done again counts from the new view to the commit")
  func repeated() {
    let recovery = measure.recovery(from: fault, at: 1000, in: events(lastStepOfB: 30))
    #expect(
      recovery
        == Event.Recovery(
          member: "c", detectionSeconds: 0.04, agreementSeconds: 0.06, repetitionSeconds: 0.5))
  }

  @Test("while a survivor was still computing, nothing is repeated")
  func computing() {
    let recovery = measure.recovery(from: fault, at: 1000, in: events(lastStepOfB: 27))
    #expect(recovery?.repetitionSeconds == 0)
  }

  @Test("there is no recovery before the interrupted round is committed")
  func pending() {
    let early = events(lastStepOfB: 30).filter { $0.t < 1600 }
    #expect(measure.recovery(from: fault, at: 1000, in: early) == nil)
  }
}
