// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import FerryStrategies
import Testing

@Suite("Local group")
struct LocalGroupTests {
  @Test("production groups in one process end with one state, after all rounds, with all samples")
  func oneState() throws {
    let (group, steps) = try run(seed: 5)
    let states = try group.states()
    #expect(states.map(\.round) == [10, 10, 10])
    #expect(Set(states.map(\.digest)).count == 1)
    // Round 1 only gathers the members, and is no step: the schedule begins with their first.
    #expect(steps.count == 9 * 3 * 2)
    #expect(steps.min() == 0 && steps.max() == 17)
  }

  @Test("what is sent is counted, under its purpose, and is the same in every run")
  func bytes() throws {
    let (group, _) = try run(seed: 5)
    let (again, _) = try run(seed: 5)
    for purpose in Purpose.allCases {
      #expect(group.bytesSent(for: purpose) == again.bytesSent(for: purpose))
    }
    let header = FrameHeader.byteCount
    let probed =
      ExchangeProbe.bytesSent(
        elements: 6, members: 3, codec: .float32, algorithm: .direct) * 3
    // Each member sends a piece to, and a result to, each of the two others.
    #expect(group.bytesSent(for: .exchange) == 9 * (probed + 3 * 4 * header))
    #expect(group.bytesSent(for: .catchUp) > 0)
  }

  @Test("a schedule ends with the last round, though the first one gathers the members")
  func schedule() throws {
    // 10 rounds of 2 steps, of which the first is empty: 18 steps, not 20.
    let written = LearningRate(
      peak: 0.1, warmupSteps: 3, decay: .cosine(until: 20, floor: 0.1))
    let meant = LearningRate(peak: 0.1, warmupSteps: 3, decay: .cosine(until: 18, floor: 0.1))
    var rates: [UInt64: Set<Float>] = [:]
    let trainers = (1...3).map {
      toyTrainer($0, DiLoCo(localSteps: 2), rounds: 10, rate: written, stepsPerRound: 2)
    }
    let group = LocalGroup(
      trainers, settings: GroupLogic.Settings(seed: Seed(5), membersMin: 3)
    ) { rates[$1.step, default: []].insert($1.learningRate) }
    try group.run()
    #expect(rates.count == 18)
    for (step, seen) in rates { #expect(seen == [meant.at(step: step)], "step \(step)") }
  }

  private func run(
    seed: UInt64
  ) throws -> (LocalGroup<DiLoCo, QuadraticReplica>, steps: [UInt64]) {
    var steps: [UInt64] = []
    let trainers = (1...3).map { toyTrainer($0, DiLoCo(localSteps: 2), rounds: 10) }
    let group = LocalGroup(
      trainers, settings: GroupLogic.Settings(algorithm: .direct, seed: Seed(seed), membersMin: 3)
    ) { steps.append($1.step) }
    try group.run()
    return (group, steps)
  }
}
