// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryTensors
import Testing

@Suite("PathPlanner")
struct PathPlannerTests {
  static let mega = 1e6

  /// All links alike, but those that touch a slow rank.
  static func map(
    _ count: Int, speed: Double = 125 * mega, trip: Double = 200, slow: [Int: Double] = [:]
  ) throws -> PathMap {
    try #require(
      PathMap(count) { from, to in
        PathFigure.code(min(speed, slow[from] ?? speed, slow[to] ?? speed))
      } trip: { _, _ in
        PathFigure.code(trip)
      })
  }

  static func choice(_ map: PathMap, bytes: Int = 16 << 20, isLossy: Bool = false) -> PathChoice {
    choice(map, PathTask(bytes: bytes, isLossy: isLossy))
  }

  static func choice(_ map: PathMap, _ task: PathTask) -> PathChoice {
    PathPlanner(map).choice(task, usual: usual(task, world: map.count))
  }

  static func usual(_ task: PathTask, world: Int) -> (
    algorithm: AllReduceAlgorithm, reason: String
  ) {
    Operation(task.kind, root: task.kind == .broadcast ? task.root : nil)
      .usualWay(count: task.bytes / 4, world: world)
  }

  @Test("a slow rank adds up nothing, and passes its vector once each way, over one flow")
  func slowRank() throws {
    for slow in 0..<4 {
      let map = try Self.map(4, slow: [slow: 6 * Self.mega])
      let choice = Self.choice(map)
      let plan = try #require(choice.plan)
      let host = slow == 0 ? 1 : 0
      #expect(plan.algorithm == .hierarchical)
      #expect(plan.topology.shares == (0..<4).map { $0 == slow ? 0 : 1 })
      #expect(
        plan.topology.islands == [
          (0..<4).filter { $0 != slow }.map { $0 == host ? [host, slow] : [$0] }
        ])
      #expect(choice.reason.hasPrefix("hierarchical: over the links as measured it should take "))
      #expect(choice.reason.hasSuffix("; rank \(slow) behind rank \(host)"))
      // A ring passes it 2 (N − 1) / N times.
      let cost = PathCost(map: map)
      let ring = cost.time(PathPlan(.ring), PathTask(bytes: 16 << 20))
      #expect((1.45...1.6).contains(ring / (choice.time! / .seconds(1))), "\(choice)")
      // Nobody else speaks to it, though all segments but its own go there.
      let route = AllReduceAlgorithm.hierarchical.route(world: 4, topology: plan.topology)
      for segment in 0..<4 where segment != slow {
        #expect(route.sink(of: slow, segment) == host && route.upstream(of: slow, segment) == host)
        #expect(route.sources(of: slow, segment).isEmpty)
      }
    }
  }

  @Test("several slow ranks have one fast one each, as long as there are any")
  func slowRanks() throws {
    let map = try Self.map(5, slow: [0: 6 * Self.mega, 3: 4 * Self.mega])
    let plan = try #require(Self.choice(map).plan)
    #expect(plan.algorithm == .hierarchical)
    #expect(plan.topology.shares == [0, 1, 1, 0, 1])
    #expect(plan.topology.islands == [[[1, 3], [2, 0], [4]]])
    #expect(Self.choice(map).reason.hasSuffix("; ranks 0, 3 behind ranks 2, 1"))
  }

  @Test("where links are alike and short, all goes by size, as without measurements")
  func homogeneous() throws {
    for count in 3...8 {
      for bytes in [64 << 10, 1 << 20, 64 << 20] {
        // Within the noise of measurements.
        var chance = SplitMix64(Seed(UInt64(count)))
        let map = try #require(
          PathMap(count) { _, _ in
            PathFigure.code(.random(in: 100...150, using: &chance) * Self.mega)
          } trip: { _, _ in
            PathFigure.code(.random(in: 50...4000, using: &chance))
          })
        #expect(map.isEven && Self.choice(map, bytes: bytes).plan == nil)
      }
    }
  }

  @Test("where processors limit, the way by size has longer pieces, and less time than is said")
  func fastLinks() throws {
    let fast = Self.choice(try Self.map(4, speed: 250 * Self.mega, trip: 50), bytes: 64 << 20)
    #expect(fast.plan == PathPlan(.ring, Topology(areLinksFast: true)))
    #expect(fast.algorithm == .ring && fast.isTimeBound)
    let plan = try #require(fast.plan)
    #expect(try PathPlan(decoding: plan.encoded()) == plan)
    let short = Self.choice(try Self.map(4, speed: 250 * Self.mega, trip: 50), bytes: 2 << 20)
    #expect(short.plan == nil && short.isTimeBound)
    let lan = Self.choice(try Self.map(4, speed: 125 * Self.mega, trip: 50), bytes: 64 << 20)
    #expect(lan.plan == nil && !lan.isTimeBound)
    let mixed = Self.choice(
      try Self.map(4, speed: 250 * Self.mega, trip: 50, slow: [2: 6 * Self.mega]), bytes: 64 << 20)
    #expect(mixed.plan?.topology.areLinksFast == false && !mixed.isTimeBound)
  }

  @Test("over long links that are alike, few hops beat many where the vector is short")
  func longLinks() throws {
    let map = try Self.map(8, speed: 25 * Self.mega, trip: 40_000)
    #expect(Self.choice(map, bytes: 2 << 20).plan?.algorithm == .direct)
    #expect(Self.choice(map, bytes: 256 << 20).plan == nil)
  }

  /// Ranks by turns in two rooms with a slow link between them.
  static func twoRooms() throws -> PathMap {
    try #require(
      PathMap(6) { from, to in
        PathFigure.code((from % 2 == to % 2 ? 125 : 2) * mega)
      } trip: { from, to in
        PathFigure.code(from % 2 == to % 2 ? 200 : 80_000)
      })
  }

  @Test("over long links that are alike but for noise, a long vector stays with the ring")
  func noise() throws {
    var chance = SplitMix64(Seed(4))
    for _ in 0..<50 {
      let map = try #require(
        PathMap(4) { _, _ in
          PathFigure.code(25 * Self.mega * Double.random(in: 0.6...1.2, using: &chance))
        } trip: { _, _ in
          PathFigure.code(40_000 * Double.random(in: 1...1.3, using: &chance))
        })
      #expect(map.isEven)
      let choice = Self.choice(map, bytes: 64 << 20)
      #expect(choice.plan == nil && choice.algorithm == .ring, "\(choice.reason)")
      let time = try #require(choice.time) / .seconds(1)
      #expect((2.5...6.5).contains(time))
    }
  }

  @Test("two rooms with a slow link between them become islands")
  func rooms() throws {
    let map = try Self.twoRooms()
    #expect(map.islands.contains([[0, 2, 4], [1, 3, 5]]))
    let plan = try #require(Self.choice(map).plan)
    #expect(plan.algorithm == .hierarchical || plan.algorithm == .ring, "\(Self.choice(map))")
    let cost = PathCost(map: map)
    #expect(
      cost.time(plan, PathTask(bytes: 16 << 20)) * 1.15
        < cost.time(PathPlan(.ring), PathTask(bytes: 16 << 20)))
  }

  @Test("what all give to all, or one, crosses a slow link between rooms once each way")
  func otherKinds() throws {
    let map = try Self.twoRooms()
    let cost = PathCost(map: map)
    for kind in [Operation.Kind.reduceScatter, .allGather, .broadcast] {
      let task = PathTask(kind, root: 3, bytes: 16 << 20)
      let choice = Self.choice(map, task)
      let plan = try #require(choice.plan, "\(kind)")
      #expect(plan.algorithm == .ring && plan.topology == Topology(order: plan.topology.order))
      // Those of one room follow each other.
      let crossings = plan.topology.order.indices.count {
        plan.topology.order[$0] % 2 != plan.topology.order[($0 + 1) % 6] % 2
      }
      #expect(crossings == 2, "\(plan.topology.order)")
      // A broadcast crosses once with all bytes; the others with five of six segments.
      let crossing = 16 * 1.048576 / 2 * (kind == .broadcast ? 1 : 5.0 / 6)
      // Figures are kept to an eighth of a power of two.
      #expect((0.95...1.15).contains(cost.time(plan, task) / crossing), "\(kind)")
      #expect(choice.reason.contains("; in the order "))
    }
    // A lossy sum may not be rounded at every hop; what is only passed on may.
    for kind in [Operation.Kind.reduceScatter, .allGather, .broadcast] {
      let plan = Self.choice(map, PathTask(kind, bytes: 16 << 20, isLossy: true)).plan
      #expect(plan?.algorithm == (kind == .reduceScatter ? nil : .ring), "\(kind)")
    }
  }

  @Test("a lossy codec never takes a way that rounds more than twice")
  func lossy() throws {
    let map = try Self.map(6, slow: [1: 3 * Self.mega, 4: 40 * Self.mega])
    for bytes in [64 << 10, 1 << 20, 64 << 20] {
      if let plan = Self.choice(map, bytes: bytes, isLossy: true).plan {
        #expect([.oneShot, .direct, .star].contains(plan.algorithm))
      }
    }
  }

  /// Links of any speed and length, some of them in rooms, some ranks slow.
  static func randomMap(_ chance: inout SplitMix64) throws -> PathMap {
    let count = Int.random(in: 3...14, using: &chance)
    let rooms = (0..<count).map { _ in Int.random(in: 0..<3, using: &chance) }
    let lines = (0..<count).map { _ in
      Double.random(in: 0...1, using: &chance) < 0.3
        ? Double.random(in: 1e3...1e7, using: &chance) : 1e8
    }
    let between = Double.random(in: 1e4...1e8, using: &chance)
    let far = Double.random(in: 100...200_000, using: &chance)
    var noise = chance
    let map = PathMap(count) { from, to in
      PathFigure.code(
        min(lines[from], lines[to], rooms[from] == rooms[to] ? 1e8 : between)
          * .random(in: 0.7...1, using: &noise))
    } trip: { from, to in
      PathFigure.code(rooms[from] == rooms[to] ? 200 : far)
    }
    chance = noise
    return try #require(map)
  }

  @Test("no plan is ever invalid, nor slower than the way by size; what all follow adds up")
  func property() throws {
    var chance = SplitMix64(Seed(7))
    var counts: [AllReduceAlgorithm: Int] = [:]
    var kinds: Set<Operation.Kind> = []
    for _ in 0..<300 {
      let map = try Self.randomMap(&chance)
      let bytes = 1 << Int.random(in: 14...27, using: &chance)
      let isLossy = Bool.random(using: &chance)
      let kind =
        [.allReduce, .allReduce, .reduceScatter, .allGather, .broadcast]
        .randomElement(using: &chance)! as Operation.Kind
      let root = kind == .broadcast ? Int.random(in: 0..<map.count, using: &chance) : nil
      let task = PathTask(kind, root: root ?? 0, bytes: bytes, isLossy: isLossy)
      guard let plan = Self.choice(map, task).plan else { continue }
      counts[plan.algorithm, default: 0] += 1
      kinds.insert(kind)
      let lossy = Operation(kind, codec: isLossy ? .int8 : .float32, root: root)
      try plan.check(lossy, world: map.count, isOpen: true)
      #expect(try PathPlan(decoding: plan.encoded()) == plan)
      let cost = PathCost(map: map)
      let usual = Self.usual(task, world: map.count).algorithm
      #expect(
        cost.time(plan, task) * PathPlanner.gainMin <= cost.time(PathPlan(usual), task))
      // 41 elements: some ranks of uneven shares get none.
      let operation = Operation(
        kind, algorithm: plan.algorithm, root: root, topology: plan.topology)
      let trial = Trial(operation, world: map.count, count: 41, seed: Seed(chance.next()))
      var fabric = Fabric(try trial.machines(), order: Seed(chance.next()))
      try fabric.run()
      #expect(fabric.machines.map { $0.output?.bytes } == trial.expected.map(\.bytes))
    }
    #expect(counts.count >= 4 && counts.values.reduce(0, +) > 100, "\(counts)")
    #expect(kinds.count == 4)
  }

  @Test("a link that was not measured, or a group too small or too large, has no map")
  func unknown() {
    #expect(
      PathMap(3) { from, to in
        from == 2 && to == 1 ? 0 : 90
      } trip: { _, _ in
        30
      } == nil)
    #expect(
      PathMap(3) { _, _ in
        90
      } trip: { from, to in
        from + to == 3 ? 0 : 30
      } == nil)
    #expect(
      PathMap(2) { _, _ in
        90
      } trip: { _, _ in
        30
      } == nil)
    #expect(
      PathMap(PathProbe.membersMax + 1) { _, _ in
        90
      } trip: { _, _ in
        30
      } == nil)
    #expect(
      PathMap(PathProbe.membersMax) { _, _ in
        90
      } trip: { _, _ in
        30
      } != nil)
  }
}
