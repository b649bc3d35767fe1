// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import FerrySimulation
import Foundation
import Testing

/// The production group logic in a world that replays, with every fault there is.
@Suite("Simulated groups", .tags(.simulation))
struct SimulatedGroupTests {
  /// `FERRY_SEED=7` runs that world alone; `FERRY_SEEDS=1000` runs more of them.
  static var seeds: [Seed] {
    let environment = ProcessInfo.processInfo.environment
    if let one = environment["FERRY_SEED"].flatMap(UInt64.init) { return [Seed(one)] }
    return (1...(environment["FERRY_SEEDS"].flatMap(UInt64.init) ?? 40)).map { Seed($0) }
  }

  @Test("without faults every round is committed by all, with equal bits")
  func calm() throws {
    let world = SimulatedGroup(seed: Seed(1), peers: 4, plan: .none, quorum: .living)
    try world.run(seconds: 60)
    #expect(world.roundsCommitted > 100)
    #expect(world.lost == nil)
    for peer in 0..<4 {
      world.world.withLogic(peer) { print(peer, $0.group.committed, $0.loads, $0.evictions, $0.reasons) }
    }
  }

  @Test("crashes and restarts", arguments: SimulatedGroupTests.seeds)
  func crashes(seed: Seed) throws {
    var plan = FaultPlan.everything(until: .seconds(60))
    plan.recurring[.partition] = nil
    plan.recurring[.oneWayPartition] = nil
    plan.recurring[.powerLoss] = nil
    plan.livingMin = 2
    let world = SimulatedGroup(seed: seed, peers: 5, plan: plan, quorum: .living)
    world.world.add(Progress<ToyMember>(after: .seconds(60), within: .seconds(20)) { Int($0.group.committed) })
    do { try world.run(seconds: 90) } catch {
      print(seed, "FAIL", error.what, error.checker); print(error); 
      for peer in 0..<5 { world.world.withLogic(peer) { print(peer, $0.group.committed, $0.loads, $0.evictions, $0.group.membership.waitingFor as Any, $0.reasons.suffix(6)) } }
      throw error }
    print(seed, world.roundsCommitted, world.world.faults, world.lost as Any)
  }
}

/// A world of toy members with the checkers that must hold.
final class SimulatedGroup {
  let world: World<ToyMember>
  let faultsEnd: Duration

  init(
    seed: Seed, peers: Int, plan: FaultPlan, quorum: Membership.Quorum,
    codec: CodecKind = .float32, algorithm: AllReduceAlgorithm = .automatic,
    corrupting: (peer: Int, round: UInt64)? = nil
  ) {
    faultsEnd = plan.until
    var hasFounded = false
    var settings = GroupLogic.Settings(
      codec: codec, algorithm: algorithm, seed: seed, quorum: quorum)
    settings.patience.workFirst = .seconds(10)
    settings.patience.workMin = .seconds(4)
    world = World(seed: seed, peers: peers, plan: plan) { birth in
      let founds = birth.index == 0 && !hasFounded
      if founds { hasFounded = true }
      var member = ToyMember(
        me: birth.member, settings: settings, founds: founds,
        seek: birth.addresses.filter { $0 != birth.address }, workMax: .milliseconds(300),
        seed: birth.seed)
      if let corrupting, corrupting.peer == birth.index { member.corruptsAt = corrupting.round }
      return member
    }
    world.add(
      Agreement<ToyMember, UInt64, [UInt8]>("state after each round") { logic in
        logic.digests[logic.group.committed].map { (logic.group.committed, $0) }
      })
    world.add(
      Agreement<ToyMember, UInt64, [[UInt8]]>("record of each round") { logic in
        logic.records[logic.group.committed].map { (logic.group.committed, $0) }
      })
  }

  func run(seconds: Double) throws(WorldFailure) { try world.run(until: .seconds(seconds)) }

  /// The furthest round that any peer alive has committed.
  var roundsCommitted: UInt64 {
    (0..<world.peerCount).compactMap { world.withLogic($0) { $0.group.committed } }.max() ?? 0
  }

  /// Why no group can go on any more; nil while one can.
  var lost: String? {
    let waiting = (0..<world.peerCount).compactMap { peer in
      (world.withLogic(peer) { $0.group.membership.waitingFor } ?? nil).map { "peer-\(peer): " + $0 }
    }
    return waiting.isEmpty ? nil : waiting.joined(separator: "; ")
  }
}

extension Tag {
  @Tag static var simulation: Self
}
