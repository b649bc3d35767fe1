// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryStrategies
import Testing

@Suite("Trainer")
struct TrainerTests {
  @Test("a late joiner loads the state, adds nothing at first, and is equal from then on")
  func lateJoiner() throws {
    var group = try LoopbackGroup(
      founders: (1...2).map { toyTrainer($0, DiLoCo(localSteps: 3)) })
    for _ in 0..<4 { try group.run() }
    try group.join(toyTrainer(3, DiLoCo(localSteps: 3)))
    try group.run()
    #expect(group.reported.suffix(3).map(\.weight) == [6, 6, 0])
    #expect(group.digests.count == 1)
    try group.run()
    #expect(group.reported.suffix(3).map(\.weight) == [6, 6, 6])
    #expect(group.digests.count == 1)
    let rates = group.progress.suffix(9).map(\.step)
    #expect(rates == [15, 16, 17, 15, 16, 17, 15, 16, 17])
  }

  @Test("no sample is consumed twice or lost, with members dying, joining and being slow")
  func ledger() throws {
    var group = try LoopbackGroup(
      founders: (1...4).map { toyTrainer($0, DiLoCo(localSteps: 3)) })
    var chance = SplitMix64(Seed(11))
    var next: UInt8 = 5
    for round in 0..<60 {
      let slow = group.members.filter { _ in Int.random(in: 0..<4, using: &chance) == 0 }
      let dying: Set<Member> =
        round % 5 == 4 && group.members.count > 2
        ? [group.members.randomElement(using: &chance)!] : []
      try group.run(
        hurried: Dictionary(
          uniqueKeysWithValues: slow.map { ($0, Int.random(in: 0..<3, using: &chance)) }),
        dying: dying)
      if round % 5 == 1 {
        try group.join(toyTrainer(next, DiLoCo(localSteps: 3)))
        next += 1
      }
      #expect(group.digests.count == 1)
    }
    // Quiet rounds fill the holes that the dead and the slow left.
    for _ in 0..<3 { try group.run() }
    let trainer = group.trainers[group.members[0]]!
    let total = group.reports.last!.samplesTotal
    #expect(trainer.ledger.consumed.ranges == [0..<total])
    #expect(trainer.ledger.audit().isClean)
    // What the weights say was used is what the ledger says was consumed: nothing counted twice.
    #expect(UInt64(group.reported.reduce(0) { $0 + $1.weight }) == total)
    #expect(next > 10 && group.members.count > 2)
  }

  @Test("a member that reports its fellows' samples, or old ones, consumes none of them")
  func liar() throws {
    var group = try LoopbackGroup(founders: (1...2).map { toyTrainer($0, DiLoCo(localSteps: 2)) })
    try group.run()
    var trainer = group.trainers[.toy(1)]!
    _ = try trainer.handle(
      .opened(round: 2, view: View(number: 1, members: [.toy(1), .toy(2)])))
    let view = View(number: 1, members: [.toy(1), .toy(2)])
    let actions = try trainer.handle(
      .committed(
        RoundOutcome(
          round: 2, view: view,
          contributors: [
            Contributor(member: .toy(1), weight: 0, note: []),
            Contributor(member: .toy(2), weight: 1, note: note(of: 0..<20)),
          ], values: Array(repeating: 0, count: 6))))
    // Round 1 consumed 0..<8; round 2 dealt 8..<12 to member 1 and 12..<16 to member 2.
    #expect(trainer.ledger.consumed.ranges == [0..<8, 12..<16])
    #expect(actions.landedReport?.samples.map(\.count) == [0, 4])
  }

  @Test("work for a round that landed without it is not reported in the next")
  func overtaken() throws {
    var trainer = toyTrainer(1, DiLoCo(localSteps: 2))
    _ = try trainer.found()
    let view = View(number: 1, members: [.toy(2), .toy(1)])
    _ = try trainer.handle(.opened(round: 1, view: view))
    _ = try trainer.work()
    _ = try trainer.handle(
      .committed(
        RoundOutcome(
          round: 1, view: view,
          contributors: [Contributor(member: .toy(2), weight: 4, note: note(of: 0..<4))],
          values: Array(repeating: 0, count: 6))))
    // It had used 4..<6; 4..<8 is the other member's now.
    #expect(!trainer.hasWork)
    _ = try trainer.handle(.opened(round: 2, view: view))
    _ = try trainer.work()
    let actions = try trainer.hurry()
    guard case .contribute(let contribution) = actions.first else {
      Issue.record("nothing was contributed")
      return
    }
    #expect(contribution.weight == 2)
  }

  @Test("a note that does not decode counts for no samples and stops nobody")
  func garbledNote() throws {
    var trainer = toyTrainer(1, DiLoCo(localSteps: 1))
    _ = try trainer.found()
    let view = View(number: 1, members: [.toy(1), .toy(2)])
    _ = try trainer.handle(.opened(round: 1, view: view))
    let actions = try trainer.handle(
      .committed(
        RoundOutcome(
          round: 1, view: view,
          contributors: [Contributor(member: .toy(2), weight: 1, note: [255, 255, 255, 255])],
          values: Array(repeating: 0, count: 6))))
    #expect(actions.landedReport?.samplesTotal == 0)
    #expect(actions.notes.count == 1)
  }

  @Test("a mean that is not finite is applied by nobody")
  func poisonedMean() throws {
    var trainer = toyTrainer(1, DiLoCo(localSteps: 1))
    _ = try trainer.found()
    let view = View(number: 1, members: [.toy(1)])
    _ = try trainer.handle(.opened(round: 1, view: view))
    let before = try trainer.state().shared.tensors.map(\.values)
    let actions = try trainer.handle(
      .committed(
        RoundOutcome(
          round: 1, view: view,
          contributors: [Contributor(member: .toy(1), weight: 1, note: [])],
          values: [0, 0, .infinity, 0, 0, 0])))
    #expect(try trainer.state().shared.tensors.map(\.values) == before)
    #expect(actions.notes == ["the mean of round 1 is not finite; it changes nothing"])
  }

  @Test("a loss that is not a number stops the member, with a way out")
  func lossNotFinite() throws {
    var replica = QuadraticReplica()
    replica.failsAt = 4
    var group = try LoopbackGroup(
      founders: [toyTrainer(1, DiLoCo(localSteps: 3), replica: replica)])
    try group.run()
    let error = #expect(throws: StrategyError.self) { try group.run() }
    #expect(
      error?.description
        == "loss-not-finite: the loss became nan (round 2, step 4, learning rate 0.1). "
        + "Try a learning rate of 0.05 or a longer warm-up; "
        + "the shared state of round 1 is unharmed.")
  }

  @Test("going on from a checkpoint gives the bits of the run that was not interrupted")
  func resumes() throws {
    let replica = QuadraticReplica(noise: 0.5, optimizer: .momentum(0.9))
    let rate = LearningRate(peak: 0.1, warmupSteps: 7, decay: .cosine(until: 60, floor: 0.1))
    func trainer() -> Trainer<DiLoCo, QuadraticReplica> {
      toyTrainer(1, DiLoCo(localSteps: 3), replica: replica, rate: rate, saveEvery: 5)
    }
    var group = try LoopbackGroup(founders: [trainer()])
    for _ in 0..<7 { try group.run() }
    let checkpoint = group.saved[.toy(1)]!
    #expect(checkpoint.shared.round == 5)
    var again = LoopbackGroup<DiLoCo, QuadraticReplica>()
    try again.resume(trainer(), from: checkpoint)
    for _ in 0..<2 { try again.run() }
    for _ in 0..<5 {
      try group.run()
      try again.run()
      #expect(group.states[.toy(1)]!.bits == again.states[.toy(1)]!.bits)
    }
    #expect(
      group.trainers[.toy(1)]!.replica.optimizerState()
        == again.trainers[.toy(1)]!.replica.optimizerState())
  }

  @Test("the run ends at the agreed round, with a checkpoint")
  func finishes() throws {
    var group = try LoopbackGroup(
      founders: (1...2).map { toyTrainer($0, DiLoCo(localSteps: 1), rounds: 3) })
    for _ in 0..<3 { try group.run() }
    #expect(group.finished == [.toy(1), .toy(2)])
    #expect(group.saved[.toy(2)]?.shared.round == 3)
    let trainer = group.trainers[.toy(1)]!
    #expect(trainer.isOver && !trainer.hasWork)
  }

  @Test("a member that was evicted rests until it has the state again")
  func evicted() throws {
    var group = try LoopbackGroup(founders: (1...2).map { toyTrainer($0, DiLoCo(localSteps: 2)) })
    try group.run()
    var trainer = group.trainers[.toy(2)]!
    let view = View(number: 1, members: [.toy(1), .toy(2)])
    _ = try trainer.handle(.opened(round: 2, view: view))
    _ = try trainer.handle(.evicted(reason: "silent"))
    #expect(!trainer.hasWork && !trainer.isReady)
    group.lose(.toy(2))
    for _ in 0..<3 { try group.run() }
    try group.join(trainer)
    for _ in 0..<2 {
      try group.run()
      #expect(group.digests.count == 1)
    }
  }

  @Test("a round out of order is an error, not a guess")
  func outOfOrder() throws {
    var trainer = toyTrainer(1, DiLoCo(localSteps: 1))
    _ = try trainer.found()
    let error = #expect(throws: StrategyError.self) {
      try trainer.handle(.opened(round: 3, view: View(number: 1, members: [.toy(1)])))
    }
    #expect(
      error?.description
        == "round-mismatch: round 3 was opened after round 0 (opening a round). "
        + "This is a fault of ferry; leave and join again.")
  }
}

/// A contribution's note that reports one range of positions.
private func note(of positions: Range<UInt64>) -> [UInt8] {
  var writer = FerryBasics.ByteWriter()
  writer.put(each: [positions]) { writer, range in
    writer.put(range.lowerBound)
    writer.put(range.upperBound)
  }
  writer.put(run: [])
  return writer.bytes
}

extension [TrainerAction] {
  var landedReport: RoundReport? {
    for case .landed(let report) in self { return report }
    return nil
  }

  var notes: [String] {
    compactMap { if case .note(let text) = $0 { text } else { nil } }
  }
}
