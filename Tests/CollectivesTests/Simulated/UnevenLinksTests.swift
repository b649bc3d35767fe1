// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import FerrySimulation
import Synchronization
import Testing

/// Groups whose links differ: ways are planned by what was measured, under every fault there is.
@Suite("Uneven links", .tags(.simulation), .serialized)
struct UnevenLinksTests {
  /// 64 KiB: above one shot.
  static let elements = 16 << 10

  static func links(_ slower: [Int: Double]) -> LinkModel {
    var links = LinkModel.lan
    links.slower = slower
    return links
  }

  @Test("a slow peer is found, and gets nothing to add up, in rounds and in calls")
  func slowPeer() throws {
    let group = SimulatedGroup(
      seed: Seed(1), peers: 4, plan: .none, quorum: .living, algorithm: .automatic,
      links: Self.links([2: 20]), elements: Self.elements)
    try group.run(until: 60)
    #expect(group.roundsCommitted > 50 && group.laggards.isEmpty)
    let choices = group.each { logic in
      var copy = logic.group
      return copy.pathChoice(Self.elements)
    }
    let slow = group.world.member(2)
    let ranks = group.each { $0.group.view?.rank(of: slow) }
    #expect(choices.count == 4)
    for (choice, rank) in zip(choices, ranks) {
      let shares = try #require(choice?.plan?.topology.shares)
      #expect(shares.indices.filter { shares[$0] == 0 } == [rank])
      #expect(choice?.plan?.algorithm == .hierarchical)
    }
    // Both kinds: more than there are of either.
    #expect(group.each { $0.group.plansFollowed }.allSatisfy { $0 > 100 })
  }

  @Test("where links are alike no way is planned, and few bytes are spent on it")
  func evenLinks() throws {
    let group = SimulatedGroup(
      seed: Seed(1), peers: 4, plan: .none, quorum: .living, algorithm: .automatic,
      elements: Self.elements)
    try group.run(until: 30)
    #expect(group.roundsCommitted > 50 && group.plansFollowed == 0)
    #expect(group.each { $0.group.knowsPaths } == [true, true, true, true])
    // Trains are catch-up; so is the state that three newcomers fetched.
    let spent = (0..<4).map { group.world.bytesSent(by: $0, for: .catchUp) }
    #expect(spent.allSatisfy { $0 < 32 << 20 }, "\(spent)")
  }

  @Test(
    "whatever happens to the peers, all follow one plan and hold the same bits",
    arguments: SimulatedGroupTests.seeds.prefix(12))
  func churn(seed: Seed) throws {
    var plan = FaultPlan.everything(until: .seconds(40))
    let isStrict = seed.value.isMultiple(of: 2)
    if isStrict {
      // Deaths are rarer here, so that most worlds keep the majority that they need to go on.
      plan.recurring[.crash] = .init(every: .seconds(25), lasting: .seconds(1) ... .seconds(4))
      plan.recurring[.powerLoss] = .init(every: .seconds(40), lasting: .seconds(1) ... .seconds(4))
    } else {
      for kind in [FaultKind.partition, .oneWayPartition, .powerLoss] { plan.recurring[kind] = nil }
    }
    plan.livingMin = isStrict ? 4 : 2
    let slow = Int(seed.value % 5)
    let group = SimulatedGroup(
      seed: seed, peers: 5, plan: plan, quorum: isStrict ? .strict : .living,
      algorithm: .automatic, links: Self.links([slow: 30, (slow + 2) % 5: 4]),
      elements: Self.elements)
    try group.run(until: 60)
    Tally.shared.add(group)
    UnevenTally.shared.add(group)
  }

  @Test("plans were followed under faults")
  func tally() {
    let worlds = UnevenTally.shared.plans
    print("uneven links: plans followed by world: \(worlds)")
    #expect(worlds.count { $0 > 20 } * 2 > worlds.count, "\(worlds)")
  }
}

/// How many planned ways were followed in each world.
private final class UnevenTally: Sendable {
  static let shared = UnevenTally()
  private let counts = Mutex<[Int]>([])
  func add(_ group: SimulatedGroup) {
    let plans = group.plansFollowed
    counts.withLock { $0.append(plans) }
  }
  var plans: [Int] { counts.withLock { $0 } }
}
