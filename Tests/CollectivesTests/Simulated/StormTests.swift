// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerrySimulation
import Foundation
import Synchronization
import Testing

/// Worlds where links fail many times as often as in `SimulatedGroupTests`, and processes as often,
/// until so many faults really happened: `FERRY_FAULTS` says how many, if not what CI asks for.
@Suite("Storms", .tags(.simulation), .serialized)
struct StormTests {
  static let environment = ProcessInfo.processInfo.environment
  static let faultsWanted = environment["FERRY_FAULTS"].flatMap(Int.init) ?? 100_000
  /// Five in a hundred packets are lost, at the first rate, and so on.
  static let rates = [1.0, 2, 4]
  /// How long a world has faults, and how long it then may take to be whole again, in seconds.
  static let stormSeconds = 60.0
  static let calmSeconds = 30.0

  private struct Total {
    var faults = FaultCounts()
    var worlds = 0
    var rounds: UInt64 = 0
    var lost: [String] = []
    var problems: [String] = []
  }

  @Test("in storms no history splits, and what is left of a group goes on")
  func storms() throws {
    let replays = Self.environment["FERRY_SEED"] != nil
    let total = Mutex(Total())
    let first = SeedChoice.seeds(environment: Self.environment, few: 1)[0].value
    let next = Mutex(first)
    let began = Date.now
    // In soaks nothing else runs; in CI other suites take the other processors.
    let lanes =
      Self.environment["FERRY_FAULTS"] == nil ? 1 : ProcessInfo.processInfo.activeProcessorCount
    DispatchQueue.concurrentPerform(iterations: lanes) { _ in
      while total.withLock({ $0.faults.total < Self.faultsWanted && $0.problems.isEmpty }) {
        let seed = next.withLock { seed in
          defer { seed += 1 }
          return Seed(seed)
        }
        for quorum in [Membership.Quorum.living, .strict] { Self.run(seed, quorum, into: total) }
        if replays { return }
      }
    }
    let end = total.withLock { $0 }
    let seconds = Date.now.timeIntervalSince(began)
    print(
      """
      storms: \(end.faults.total) faults in \(end.worlds) worlds, \(end.rounds) rounds, \
      \(Int(Double(end.faults.total) / seconds)) faults a second; \(end.faults); \
      lost: \(end.lost)
      """)
    #expect(end.problems == [])
    if replays { return }
    #expect(end.faults.total >= Self.faultsWanted)
    // A storm of lost packets alone would be none. Disks have tests of their own.
    for kind in FaultKind.allCases where kind != .disk {
      #expect(
        end.faults[kind] * 10_000 >= end.faults.total,
        "\(kind) happened \(end.faults[kind]) times")
    }
    #expect(end.lost.count * 2 < end.worlds, "\(end.lost.count) of \(end.worlds) were lost")
  }

  private static func plan(rate: Double) -> FaultPlan {
    var plan = FaultPlan.everything(until: .seconds(stormSeconds))
    plan.lossChance = 0.05 * rate
    plan.delayChance = 0.03 * rate
    plan.resetChance = 0.002 * rate
    plan.refusalChance = 0.1 * rate
    plan.recurring[.reset] = .init(every: .seconds(1 / rate))
    plan.recurring[.slowness] = .init(
      every: .seconds(4 / rate), lasting: .milliseconds(200) ... .seconds(2))
    for kind in [FaultKind.partition, .oneWayPartition] {
      plan.recurring[kind] = .init(
        every: .seconds(8 / rate), lasting: .milliseconds(100) ... .seconds(2))
    }
    // Deaths are as rare as leaves most groups a majority, and the state.
    plan.recurring[.crash] = .init(
      every: .seconds(15), lasting: .milliseconds(5) ... .seconds(3))
    plan.recurring[.powerLoss] = .init(
      every: .seconds(45), lasting: .milliseconds(500) ... .seconds(4))
    return plan
  }

  private static func run(
    _ seed: Seed, _ quorum: Membership.Quorum, into total: borrowing Mutex<Total>
  ) {
    var plan = plan(rate: rates[Int(seed.value % UInt64(rates.count))])
    if quorum == .living {
      // Without a majority's word a group of living members may not be cut in two.
      for kind in [FaultKind.partition, .oneWayPartition, .powerLoss] { plan.recurring[kind] = nil }
    }
    plan.livingMin = quorum == .living ? 2 : 4
    let group = SimulatedGroup(
      seed: seed.derived("storm \(quorum)"), peers: 5, plan: plan, quorum: quorum)
    var problem: String?
    var loss: String?
    do {
      try group.run(until: stormSeconds)
      let before = group.roundsCommitted
      try group.run(until: stormSeconds + calmSeconds)
      loss = group.lostForGood
      if loss == nil, group.roundsCommitted <= before + 20 || !group.laggards.isEmpty {
        problem = "\(group.roundsCommitted - before) rounds after the storm: \(group.state)"
      }
    } catch { problem = "\(error)" }
    total.withLock {
      $0.worlds += 1
      $0.rounds += group.roundsCommitted
      $0.faults += group.world.faults
      if let loss { $0.lost.append("\(seed): \(loss)") }
      if let problem { $0.problems.append("\(seed), \(quorum): \(problem)") }
    }
  }
}
