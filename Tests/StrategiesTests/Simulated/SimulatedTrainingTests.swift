// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import FerrySimulation
import FerryStrategies
import Foundation
import Synchronization
import Testing

/// The production trainer, strategies, group logic and checkpoint writer in a world that replays.
@Suite("Simulated training", .tags(.simulation), .serialized)
struct SimulatedTrainingTests {
  /// `FERRY_SEED=7` runs that world alone; `FERRY_SEEDS=1000` runs more of them.
  static var seeds: [Seed] {
    let environment = ProcessInfo.processInfo.environment
    if let one = environment["FERRY_SEED"].flatMap(UInt64.init) { return [Seed(one)] }
    return (1...(environment["FERRY_SEEDS"].flatMap(UInt64.init) ?? 9)).map { Seed($0) }
  }

  static let diLoCo = DiLoCo(localSteps: 2, outer: OuterStep(learningRate: 0.5, momentum: 0.5))

  @Test("DiLoCo trains on, and every sample counts once, through every fault", arguments: seeds)
  func diLoCo(seed: Seed) throws {
    try train(Self.diLoCo, seed: seed, codec: .int8Stochastic)
  }

  @Test("data-parallel training does, too", arguments: seeds)
  func dataParallel(seed: Seed) throws {
    try train(DataParallel(), seed: seed.derived("data-parallel"), codec: .float32)
  }

  private func train(_ strategy: some Strategy, seed: Seed, codec: CodecKind) throws {
    var plan = FaultPlan.everything(until: .seconds(60))
    // Deaths are rarer than by default, so that most worlds keep the majority that they need.
    plan.recurring[.crash] = .init(every: .seconds(25), lasting: .seconds(1) ... .seconds(4))
    plan.recurring[.powerLoss] = .init(every: .seconds(40), lasting: .seconds(1) ... .seconds(4))
    plan.livingMin = 4
    let run = SimulatedTraining(
      seed: seed, peers: 5, plan: plan, strategy: strategy, quorum: .strict, codec: codec)
    try run.run(until: 60)
    let before = run.round
    try run.run(until: 80)
    TrainingTally.shared.add(run)
    for peer in 0..<5 {
      #expect(try run.shelf.notebooks[peer]?.problems() == [], "\(seed): peer-\(peer)")
    }
    if let loss = run.lostForGood {
      TrainingTally.shared.addLost("\(seed): \(loss)")
      return
    }
    #expect(run.round > before + 20, "\(seed): \(run.state)")
    #expect(run.laggards.isEmpty, "\(seed): \(run.state)")
    #expect(run.history.holes(olderThan: 3) == [], "\(seed)")
  }

  @Test("two of five may be gone for ever: what they were dealt is dealt again", arguments: seeds)
  func deaths(seed: Seed) throws {
    var plan = FaultPlan.everything(until: .seconds(30))
    for kind in [FaultKind.partition, .oneWayPartition] { plan.recurring[kind] = nil }
    plan.returnChance = 0.5
    plan.livingMin = 3
    let run = SimulatedTraining(
      seed: seed.derived("deaths"), peers: 5, plan: plan, strategy: Self.diLoCo, quorum: .living)
    try run.run(until: 30)
    let before = run.round
    try run.run(until: 45)
    TrainingTally.shared.add(run)
    #expect(run.round > before + 20, "\(seed): \(run.state)")
    #expect(run.laggards.isEmpty, "\(seed): \(run.state)")
    #expect(run.history.holes(olderThan: 3) == [], "\(seed)")
  }

  @Test(
    "a group that lost power goes on from a checkpoint; acknowledged rounds stay, samples count once",
    arguments: seeds)
  func resumption(seed: Seed) throws {
    let peers = 4
    let resumer = Int(seed.value % UInt64(peers))
    var plan = FaultPlan(until: .seconds(30))
    plan.diskChance = 0.02
    plan.clockOffsetMax = .seconds(100)
    let instant = Duration.seconds(12) + .milliseconds(Int(seed.value % 1009))
    plan.script =
      (0..<peers).map { ScriptedFault(at: instant, .powerLoss($0)) }
      + (0..<peers).map { peer in
        let order = (peer - resumer + peers) % peers
        return ScriptedFault(at: .seconds(16 + order), .restart(peer))
      }
    let run = SimulatedTraining(
      seed: seed.derived("resumption"), peers: peers, plan: plan, strategy: Self.diLoCo,
      quorum: .strict)
    try run.run(until: 12)
    let before = run.round
    try run.run(until: 15)
    #expect((0..<peers).allSatisfy { !run.world.isAlive($0) })
    let acknowledged = try #require(run.shelf.notebooks[resumer]).acknowledged
    try #require(acknowledged > 0, "\(seed): no checkpoint was written by round \(before)")
    run.shelf.resumer = resumer
    try run.run(until: 30)
    #expect(run.shelf.complaint == nil)
    let resumed = try #require(run.shelf.resumed, "\(seed)")
    #expect(resumed.shared.round >= acknowledged)
    #expect(run.history.roundFirst == resumed.shared.round)
    let after = run.round
    try run.run(until: 40)
    TrainingTally.shared.add(run)
    #expect(run.round > after + 20, "\(seed): \(run.state)")
    #expect(run.laggards.isEmpty, "\(seed): \(run.state)")
    #expect(run.history.holes(olderThan: 3) == [], "\(seed)")
    #expect(run.world.withLogic(resumer) { $0.loads } == 0)
  }

  @Test(
    "the first round, with everybody joining at once, waits for nobody",
    arguments: seeds.prefix(max(3, seeds.count / 4)))
  func beginning(seed: Seed) throws {
    var links = LinkModel.lan
    links.jitter = .milliseconds(2)
    links.alarmDelayMax = .milliseconds(1)
    for peers in [2, 4, 7] {
      let run = SimulatedTraining(
        seed: seed.derived("beginning", UInt64(peers)), peers: peers, plan: .none,
        strategy: Self.diLoCo, quorum: .living, codec: .int8Stochastic, links: links,
        unitMax: .milliseconds(4))
      try run.run(until: 4)
      let reasons = (0..<peers).flatMap { run.world.withLogic($0) { $0.reasons } ?? [] }
      let stuck = reasons.filter { $0.contains("rested") || $0.contains("no progress") }
      #expect(stuck == [], "\(seed), \(peers) peers: \(run.state)")
      #expect(run.laggards.isEmpty, "\(seed), \(peers) peers: \(run.state)")
      #expect(run.round > 40, "\(seed), \(peers) peers: \(run.state)")
    }
  }

  @Test("the checkers see a replica that differs in one parameter")
  func plantedFault() {
    let run = SimulatedTraining(
      seed: Seed(3), peers: 3, plan: .none, strategy: DataParallel(), quorum: .living,
      corrupting: (peer: 2, round: 20))
    #expect(throws: WorldFailure.self) { try run.run(until: 30) }
  }

  @Test("the same seed gives the same run")
  func replay() throws {
    func hash() throws -> UInt64 {
      let run = SimulatedTraining(
        seed: Seed(5), peers: 5, plan: .everything(until: .seconds(15)), strategy: Self.diLoCo,
        quorum: .strict)
      try run.run(until: 20)
      return run.world.traceHash
    }
    #expect(try hash() == hash())
  }

  @Test("enough rounds were trained under faults, and every fault happened")
  func tally() {
    guard ProcessInfo.processInfo.environment["FERRY_SEED"] == nil else { return }
    let total = TrainingTally.shared.now
    print(
      """
      simulated training: \(total.worlds) worlds, \(total.rounds) rounds, \(total.samples) samples, \
      \(total.saved) checkpoints (\(total.refused) refused by the disk), \(total.faults); \
      lost: \(total.lost)
      """)
    #expect(total.rounds >= 4_000)
    for kind in FaultKind.allCases {
      #expect(total.faults[kind] > 0, "\(kind) never happened: it tests nothing")
    }
    #expect(total.saved > 500 && total.refused > 10)
    #expect(total.lost.count * 4 < total.worlds, "\(total.lost)")
  }
}

/// What all simulated runs of one test run went through together.
final class TrainingTally: Sendable {
  struct Total {
    var worlds = 0
    var rounds: UInt64 = 0
    var samples: UInt64 = 0
    var saved = 0
    var refused = 0
    var faults = FaultCounts()
    var lost: [String] = []
  }

  static let shared = TrainingTally()
  private let total = Mutex(Total())

  func add<S: Strategy>(_ run: SimulatedTraining<S>) {
    let notebooks = run.shelf.notebooks.values
    let (rounds, samples) = (run.round, run.history.sampleCount)
    let faults = run.world.faults
    let (saved, refused) = (
      notebooks.reduce(0) { $0 + $1.saved }, notebooks.reduce(0) { $0 + $1.refused }
    )
    total.withLock {
      $0.worlds += 1
      $0.rounds += rounds
      $0.samples += samples
      $0.saved += saved
      $0.refused += refused
      $0.faults += faults
    }
  }

  func addLost(_ reason: String) { total.withLock { $0.lost.append(reason) } }
  var now: Total { total.withLock { $0 } }
}

extension Tag {
  @Tag static var simulation: Self
}
