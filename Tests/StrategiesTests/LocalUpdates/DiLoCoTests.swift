// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryStrategies
import Testing

/// A trainer of a toy for member `number`.
func toyTrainer<S: Strategy>(
  _ number: UInt8, _ strategy: S, replica: QuadraticReplica = QuadraticReplica(noise: 0.5),
  rounds: UInt64 = 1000, rate: LearningRate = LearningRate(peak: 0.1),
  stepsPerRound: UInt64? = nil, saveEvery: UInt64 = 0
) -> Trainer<S, QuadraticReplica> {
  Trainer(
    me: .toy(number), replica: replica, strategy: strategy,
    options: .init(
      batchSize: 2, roundLast: rounds, learningRate: rate, stepsPerRound: stepsPerRound,
      saveEvery: saveEvery))
}

@Suite("DiLoCo")
struct DiLoCoTests {
  /// Local averaging with one SGD step is data-parallel SGD: `mean(θ − λ gₘ) = θ − λ mean(gₘ)`.
  private func differenceFromDataParallel<S: Strategy>(_ strategy: S) throws -> Float {
    var local = try LoopbackGroup(founders: (1...4).map { toyTrainer($0, strategy) })
    var parallel = try LoopbackGroup(founders: (1...4).map { toyTrainer($0, DataParallel()) })
    for _ in 0..<50 {
      try local.run()
      try parallel.run()
    }
    let a = local.states[.toy(1)]!.tensors[0].values
    let b = parallel.states[.toy(1)]!.tensors[0].values
    return zip(a, b).map { abs($0 - $1) }.max()!
  }

  @Test("with one SGD step, rate 1 and no momentum it is data-parallel SGD")
  func isDataParallel() throws {
    #expect(try differenceFromDataParallel(DiLoCo.localAveraging(every: 1)) < 1e-6)
  }

  @Test("with the sign of the pseudo-gradient flipped it is not, and runs away")
  func negativeControl() throws {
    #expect(try differenceFromDataParallel(Flipped()) > 1)
  }

  @Test("finds the optimum of a quadratic", arguments: [1, 5, 20])
  func converges(localSteps: Int) throws {
    let strategy = DiLoCo(localSteps: localSteps)
    var group = try LoopbackGroup(
      founders: (1...3).map { toyTrainer($0, strategy, replica: QuadraticReplica()) })
    for _ in 0..<400 { try group.run() }
    #expect(group.trainers[.toy(2)]!.replica.error < 1e-3)
  }

  @Test("all members hold the same bits after every round")
  func bitParity() throws {
    var group = try LoopbackGroup(
      founders: (1...4).map { toyTrainer($0, DiLoCo(localSteps: 3)) })
    for _ in 0..<30 {
      try group.run()
      #expect(group.digests.count == 1)
    }
  }

  @Test("the inner optimizer's memory stays with its member, and is kept over rounds")
  func keepsOptimizer() throws {
    let replica = QuadraticReplica(noise: 0.5, optimizer: .momentum(0.9))
    var group = try LoopbackGroup(
      founders: (1...2).map { toyTrainer($0, DiLoCo(localSteps: 3), replica: replica) })
    for _ in 0..<4 { try group.run() }
    let states = group.members.map { group.trainers[$0]!.replica.optimizerState() }
    #expect(states.map(\.steps) == [12, 12])
    #expect(states[0].tensors != states[1].tensors)
  }

  @Test("a member that was hurried counts by the samples it used")
  func hurried() throws {
    var group = try LoopbackGroup(
      founders: (1...3).map { toyTrainer($0, DiLoCo(localSteps: 4)) })
    try group.run(hurried: [.toy(2): 1, .toy(3): 0])
    #expect(group.reported.map(\.weight) == [8, 2, 0])
    #expect(group.reports[0].samples.map(\.count) == [8, 2, 0])
    #expect(group.digests.count == 1)
  }

  @Test("a round in which nobody worked changes no parameter and no momentum")
  func idleRound() throws {
    var group = try LoopbackGroup(founders: (1...2).map { toyTrainer($0, DiLoCo(localSteps: 4)) })
    try group.run()
    let before = group.states[.toy(1)]!.tensors
    try group.run(hurried: [.toy(1): 0, .toy(2): 0])
    let after = group.states[.toy(1)]!.tensors
    #expect(before.map(\.values) == after.map(\.values))
    #expect(group.digests.count == 1)
  }

  @Test("a state of another model is refused, with both shapes named")
  func refusesOtherModel() throws {
    let group = try LoopbackGroup(founders: [toyTrainer(1, DiLoCo(localSteps: 1))])
    var other = toyTrainer(
      2, DiLoCo(localSteps: 1), replica: QuadraticReplica(noise: 0, width: 8))
    let error = #expect(throws: StrategyError.self) {
      try other.handle(.loaded(group.states[.toy(1)]!))
    }
    #expect(
      error?.description
        == "state-mismatch: found tensors parameters[6], outer-momentum[6], "
        + "need parameters[8], outer-momentum[8] (state of DiLoCo). "
        + "Use the model size and strategy that the state was made with.")
  }
}

/// DiLoCo with the sign of the pseudo-gradient flipped: what must fail.
struct Flipped: Strategy {
  private var inner = DiLoCo.localAveraging(every: 1)

  func quotas(round: UInt64, view: View) -> [Int] { inner.quotas(round: round, view: view) }
  func width(round: UInt64, layout: ParameterLayout) -> Int { layout.count }
  func sharedState<R: Replica>(of replica: R) -> StrategyState {
    inner.sharedState(of: replica)
  }
  func ownState<R: Replica>(of replica: R) throws -> StrategyState {
    try inner.ownState(of: replica)
  }

  mutating func handle<R: Replica>(
    _ event: StrategyEvent, on replica: inout R, at moment: Moment
  ) throws -> [StrategyAction] {
    try inner.handle(event, on: &replica, at: moment).map { action in
      guard case .contribute(let round, let values, let weight, let note) = action else {
        return action
      }
      return .contribute(round: round, values: values.map { -$0 }, weight: weight, note: note)
    }
  }

  mutating func restore<R: Replica>(
    shared: StrategyState, own: StrategyState, on replica: inout R
  ) throws { try inner.restore(shared: shared, own: own, on: &replica) }
}
