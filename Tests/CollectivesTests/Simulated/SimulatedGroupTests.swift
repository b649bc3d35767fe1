// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import FerrySimulation
import Foundation
import Synchronization
import Testing

/// The production group logic in a world that replays, with every fault there is.
@Suite("Simulated groups", .tags(.simulation), .serialized)
struct SimulatedGroupTests {
  /// `FERRY_SEED=7` runs that world alone; `FERRY_SEEDS=1000` runs more of them.
  static var seeds: [Seed] {
    let environment = ProcessInfo.processInfo.environment
    if let one = environment["FERRY_SEED"].flatMap(UInt64.init) { return [Seed(one)] }
    return (1...(environment["FERRY_SEEDS"].flatMap(UInt64.init) ?? 40)).map { Seed($0) }
  }

  @Test("without faults every round is committed by all, with equal bits")
  func calm() throws {
    let group = SimulatedGroup(seed: Seed(1), peers: 4, plan: .none, quorum: .living)
    try group.run(until: 60)
    #expect(group.roundsCommitted > 100)
    #expect(group.laggards.isEmpty)
    let reasons = (0..<4).flatMap { group.world.withLogic($0) { $0.reasons } ?? [] }
    #expect(
      reasons.allSatisfy { $0.hasSuffix("joined") || $0.hasSuffix("the group") }, "\(reasons)")
  }

  @Test("who was asked to introduce a newcomer tells it of all, also of whom it came by itself")
  func introductions() throws {
    // Each knows only the one before: 0 ← 1 ← 2 ← 3.
    let group = SimulatedGroup(
      seed: Seed(1), peers: 4, plan: .none, quorum: .living, introducer: { $0 - 1 })
    try group.run(until: 10)
    #expect(group.roundsCommitted > 10)
    #expect(group.laggards.isEmpty, "\(group.state)")
  }

  @Test("any peer may crash, stop, be slow or lose its links: the rest go on", arguments: seeds)
  func crashes(seed: Seed) throws {
    var plan = FaultPlan.everything(until: .seconds(60))
    for kind in [FaultKind.partition, .oneWayPartition, .powerLoss] { plan.recurring[kind] = nil }
    plan.livingMin = 2
    let group = SimulatedGroup(seed: seed, peers: 5, plan: plan, quorum: .living)
    try group.run(until: 60)
    let before = group.roundsCommitted
    group.noteOperations()
    try group.run(until: 80)
    Tally.shared.add(group)
    #expect(group.roundsCommitted > before + 20, "\(seed): \(group.state)")
    #expect(group.laggards.isEmpty, "\(seed): \(group.state)")
    #expect(group.stuckTags.isEmpty, "\(seed): \(group.state)")
  }

  @Test("no partition splits a majority's history, whatever else happens", arguments: seeds)
  func partitions(seed: Seed) throws {
    var plan = FaultPlan.everything(until: .seconds(60))
    // Deaths are rarer here, so that most worlds keep the majority that they need to go on.
    plan.recurring[.crash] = .init(every: .seconds(25), lasting: .seconds(1) ... .seconds(4))
    plan.recurring[.powerLoss] = .init(every: .seconds(40), lasting: .seconds(1) ... .seconds(4))
    plan.livingMin = 4
    let group = SimulatedGroup(seed: seed, peers: 5, plan: plan, quorum: .strict)
    try group.run(until: 60)
    let before = group.roundsCommitted
    group.noteOperations()
    try group.run(until: 80)
    Tally.shared.add(group)
    if let loss = group.lostForGood {
      Tally.shared.addLost("\(seed): \(loss)")
    } else {
      #expect(group.roundsCommitted > before + 20, "\(seed): \(group.state)")
      #expect(group.laggards.isEmpty, "\(seed): \(group.state)")
      #expect(group.stuckTags.isEmpty, "\(seed): \(group.state)")
    }
  }

  @Test("lossy codecs and the ring keep replicas equal too", arguments: seeds.prefix(8))
  func codecs(seed: Seed) throws {
    for (codec, algorithm) in [
      (CodecKind.int8Stochastic, AllReduceAlgorithm.direct), (.int8, .ring), (.bfloat16, .ring),
      (.int8Stochastic, .oneShot),
    ] {
      let plan = FaultPlan.everything(until: .seconds(20))
      let group = SimulatedGroup(
        seed: seed, peers: 4, plan: plan, quorum: .strict, codec: codec, algorithm: algorithm)
      try group.run(until: 25)
      Tally.shared.add(group)
    }
  }

  @Test("a replica that computes something else is found out and mended")
  func corruption() throws {
    let group = SimulatedGroup(
      seed: Seed(3), peers: 4, plan: .none, quorum: .living, corrupting: (peer: 2, round: 40),
      checked: false)
    try group.run(until: 60)
    #expect(group.laggards.isEmpty)
    let reasons = (0..<4).flatMap { group.world.withLogic($0) { Array($0.reasons) } ?? [] }
    #expect(reasons.contains { $0.contains("is not the majority's") })
    #expect(group.world.withLogic(2) { $0.loads } == 2)
    let digests = (0..<4).compactMap {
      group.world.withLogic($0) { $0.digests[$0.group.committed - 1] } ?? nil
    }
    #expect(Set(digests).count == 1)
  }

  @Test("the checkers see a replica that differs")
  func plantedFault() {
    let group = SimulatedGroup(
      seed: Seed(3), peers: 4, plan: .none, quorum: .living, corrupting: (peer: 2, round: 40))
    #expect(throws: WorldFailure.self) { try group.run(until: 60) }
  }

  @Test("enough rounds were run under faults, and every fault happened")
  func tally() {
    guard ProcessInfo.processInfo.environment["FERRY_SEED"] == nil else { return }
    let total = Tally.shared.now
    print(
      """
      simulated: \(total.worlds) worlds, \(total.rounds) rounds, \(total.operations) operations \
      (\(total.told) told by others, \(total.untold) lost), \
      \(total.faults); lost: \(total.lost)
      """)
    #expect(total.rounds >= 10_000 && total.operations >= 20_000)
    #expect(total.told > 0, "nobody ever missed what others had handed out")
    // Disks are the checkpoint writer's business, and have their own tests.
    for kind in FaultKind.allCases where kind != .disk {
      #expect(total.faults[kind] > 0, "\(kind) never happened: it tests nothing")
    }
    #expect(total.lost.count * 4 < total.worlds, "\(total.lost)")
  }

  @Test("the same seed gives the same history")
  func replay() throws {
    func hash() throws -> UInt64 {
      let group = SimulatedGroup(
        seed: Seed(5), peers: 5, plan: .everything(until: .seconds(20)), quorum: .strict)
      try group.run(until: 30)
      return group.world.traceHash
    }
    #expect(try hash() == hash())
  }
}

/// A world of toy members with the checkers that must hold.
final class SimulatedGroup {
  let world: World<ToyMember>
  let faultsEnd: Duration

  init(
    seed: Seed, peers: Int, plan: FaultPlan, quorum: Membership.Quorum,
    codec: CodecKind = .float32, algorithm: AllReduceAlgorithm? = nil,
    corrupting: (peer: Int, round: UInt64)? = nil, introducer: ((Int) -> Int)? = nil,
    checked: Bool = true, links: LinkModel = .lan, elements: Int = 64
  ) {
    faultsEnd = plan.until
    var hasFounded = false
    // The toy's vectors are short: left alone, all worlds would take the same way.
    let algorithms = [AllReduceAlgorithm.oneShot, .direct, .ring]
    let chosen = algorithm ?? algorithms[Int(seed.value % UInt64(algorithms.count))]
    var settings = GroupLogic.Settings(
      codec: codec, algorithm: chosen, seed: seed, quorum: quorum)
    settings.charter = [1]
    settings.patience.workFirst = .seconds(10)
    settings.patience.workMin = .seconds(4)
    world = World(seed: seed, peers: peers, plan: plan, links: links) { birth in
      let founds = birth.index == 0 && !hasFounded
      if founds { hasFounded = true }
      var member = ToyMember(
        me: birth.member, settings: settings, founds: founds,
        seek: introducer == nil ? birth.addresses.filter { $0 != birth.address } : [],
        workMax: .milliseconds(300), seed: birth.seed, elements: elements)
      if let introducer, !founds { member.through = birth.addresses[introducer(birth.index)] }
      if let corrupting, corrupting.peer == birth.index { member.corruptsAt = corrupting.round }
      return member
    }
    guard checked else { return }
    world.add(
      Agreement<ToyMember, UInt64, [UInt8]>("state after each round") { logic in
        logic.digests[logic.group.committed].map { (logic.group.committed, $0) }
      })
    world.add(
      Agreement<ToyMember, UInt64, [[UInt8]]>("record of each round") { logic in
        logic.records[logic.group.committed].map { (logic.group.committed, $0) }
      })
    for tag in ToyCalls.tags {
      world.add(
        Agreement<ToyMember, UInt64, [UInt8]>("outcome of each operation on tag \(tag)") { logic in
          logic.calls.settled[tag].map { ($0.number, $0.digest) }
        })
    }
  }

  func run(until seconds: Double) throws(WorldFailure) {
    try world.run(until: .seconds(seconds))
  }

  func each<Result>(_ body: (borrowing ToyMember) -> Result) -> [Result] {
    (0..<world.peerCount).compactMap { world.withLogic($0, body) }
  }

  /// The furthest round that any living peer has committed.
  var roundsCommitted: UInt64 { each { $0.group.committed }.max() ?? 0 }

  private var operationsBefore: [UInt64: UInt64] = [:]

  private func furthest(_ tag: UInt64) -> UInt64 {
    each { $0.calls.last[tag]?.number ?? 0 }.max() ?? 0
  }

  func noteOperations() {
    for tag in ToyCalls.tags { operationsBefore[tag] = furthest(tag) }
  }

  /// Tags on which hardly anything was done since, or somebody is behind.
  var stuckTags: [UInt64] {
    ToyCalls.tags.filter { tag in
      let most = furthest(tag)
      let isBehind = each { ($0.calls.last[tag]?.number ?? 0) + 1 < most }.contains(true)
      return most < operationsBefore[tag, default: 0] + 20 || isBehind
    }
  }

  /// Of the members that are alive.
  var operationsTold: (told: Int, lost: Int) {
    let all = each { ($0.group.operationsTold, $0.group.operationsLost) }
    return (all.reduce(0) { $0 + $1.0 }, all.reduce(0) { $0 + $1.1 })
  }

  /// Exchanges that took a planned way, in the lives that are not over.
  var plansFollowed: Int { each { $0.group.plansFollowed }.reduce(0, +) }

  var operationsFinished: UInt64 { ToyCalls.tags.reduce(0) { $0 + furthest($1) } }

  /// Living peers that are not level with the furthest, or not in the group.
  var laggards: [Int] {
    (0..<world.peerCount).filter { peer in
      let committed = world.withLogic(peer) { $0.group.view == nil ? 0 : $0.group.committed }
      return (committed ?? roundsCommitted) + 1 < roundsCommitted
    }
  }

  /// Why no group can ever go on again; nil while one can.
  var lostForGood: String? {
    guard each({ $0.group.membership.standing.holdsState && $0.group.view != nil }).contains(true)
    else { return "nobody alive holds the state" }
    let views = each { $0.group.view }.compactMap(\.self)
    guard let last = views.max(by: { $0.number < $1.number }) else { return "no view is left" }
    let living = Set((0..<world.peerCount).filter(world.isAlive).map(world.member))
    let able = each { logic in logic.group.view == last ? logic.group.me : nil }.compactMap(\.self)
    let votes = last.members.filter { living.contains($0) && able.contains($0) }.count
    return 2 * votes > last.members.count
      ? nil : "\(votes) of \(last.members.count) members of view \(last.number) are left"
  }

  /// One line a peer, for a failure.
  var state: String {
    (0..<world.peerCount).map { peer in
      world.withLogic(peer) { logic in
        """
        \n  peer-\(peer): view \(logic.group.view?.number ?? 0), round \(logic.group.committed), \
        \(logic.loads) loads, \(logic.evictions) evictions, \
        \(logic.group.membership.waitingFor ?? "content"), \
        operations \(ToyCalls.tags.map { logic.calls.last[$0]?.number ?? 0 }), \
        last: \(logic.reasons.last ?? "-")
        """
      } ?? "\n  peer-\(peer): dead"
    }.joined()
  }
}

/// What all simulated groups of one test run went through together.
final class Tally: Sendable {
  static let shared = Tally()
  struct Sums {
    var rounds: UInt64 = 0
    var operations: UInt64 = 0
    var (told, untold) = (0, 0)
    var faults = FaultCounts()
    var worlds = 0
    var lost: [String] = []
  }
  private let total = Mutex(Sums())

  func add(_ group: SimulatedGroup) {
    total.withLock {
      $0.rounds += group.roundsCommitted
      $0.operations += group.operationsFinished
      $0.told += group.operationsTold.told
      $0.untold += group.operationsTold.lost
      $0.faults += group.world.faults
      $0.worlds += 1
    }
  }

  func addLost(_ reason: String) { total.withLock { $0.lost.append(reason) } }
  var now: Sums {
    total.withLock { $0 }
  }
}

extension Tag {
  @Tag static var simulation: Self
}
