// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import FerrySimulation
import FerryTensors
import Testing

/// A stencil on a cube that eight members share: each sends the faces of its part, which are slices of
/// the tensor where it lies, and gets its fellows' into the rim around it, by operations of a group.
@Suite("Halo exchange", .tags(.simulation))
struct HaloExchangeTests {
  /// Cells along an edge of the whole cube, peers along an edge, steps of the stencil.
  static let edge = 12
  static let peersPerEdge = 2
  static let steps = 10

  @Test(
    "eight parts come to the bits of the whole, over links that lose and delay packets",
    arguments: [Seed(1), Seed(2), Seed(3)])
  func sameBits(seed: Seed) throws {
    var plan = FaultPlan(until: .seconds(600))
    plan.lossChance = 0.05
    plan.delayChance = 0.05
    plan.recurring[.slowness] = .init(
      every: .seconds(1), lasting: .milliseconds(100) ... .seconds(1))
    let count = Self.peersPerEdge * Self.peersPerEdge * Self.peersPerEdge
    let world = World(seed: seed, peers: count, plan: plan) { birth in HaloPeer(birth) }
    func troubles(_ world: World<HaloPeer>) -> [String] {
      (0..<count).flatMap { world.withLogic($0) { $0.troubles } ?? [] }
    }
    func steps(_ world: World<HaloPeer>) -> [Int] {
      (0..<count).compactMap { world.withLogic($0) { $0.step } }
    }
    try world.run(until: .seconds(300)) { steps($0) != Array(repeating: Self.steps, count: count) }
    #expect(steps(world) == Array(repeating: Self.steps, count: count), "\(troubles(world))")
    #expect(world.faults[.loss] > 20 && world.faults[.delay] > 20, "\(world.faults)")

    var whole = Cube(edge: Self.edge)
    whole.fill { Self.beginning($0) }
    for _ in 0..<Self.steps {
      try whole.wrap()
      whole.advance()
    }
    for peer in 0..<count {
      let part = try #require(world.logic(peer))
      part.cube.each { cell in
        let place = zip(part.corner, cell).map { $0 + $1 }
        #expect(
          part.cube[cell].bitPattern == whole[place].bitPattern,
          "\(seed), peer \(peer), cell \(place)")
      }
    }
  }

  /// Something different in each cell.
  static func beginning(_ place: [Int]) -> Float {
    let number = UInt64(place[0] + edge * (place[1] + edge * place[2]))
    return Float(SplitMix64.mix(number) >> 40) / Float(1 << 24)
  }
}

/// Cells with a rim of one cell around them; places count from the first cell inside the rim.
struct Cube {
  let edge: Int
  private(set) var cells: [Float]

  init(edge: Int) {
    self.edge = edge
    cells = Array(repeating: 0, count: (edge + 2) * (edge + 2) * (edge + 2))
  }

  private func index(_ place: [Int]) -> Int {
    place.reduce(0) { $0 * (edge + 2) + $1 + 1 }
  }

  subscript(place: [Int]) -> Float { cells[index(place)] }

  func each(_ body: ([Int]) -> Void) {
    for x in 0..<edge { for y in 0..<edge { for z in 0..<edge { body([x, y, z]) } } }
  }

  mutating func fill(_ value: ([Int]) -> Float) {
    for x in 0..<edge {
      for y in 0..<edge { for z in 0..<edge { cells[index([x, y, z])] = value([x, y, z]) } }
    }
  }

  /// A face: the outermost cells of an axis, or the rim beyond them. Along axes whose rims are there
  /// already the face has them, too, so that edges and corners come over with the later axes.
  private func face(_ axis: Int, high: Bool, rim: Bool) -> TensorSlice {
    let at = high ? edge + (rim ? 1 : 0) : rim ? 0 : 1
    let ranges = (0..<3).map { other in
      other == axis ? at..<at + 1 : other < axis ? 0..<edge + 2 : 1..<edge + 1
    }
    do throws(TensorError) {
      return try TensorSlice(.f32, of: [edge + 2, edge + 2, edge + 2], ranges)
    } catch { preconditionFailure(error.description) }
  }

  /// The outermost cells, packed.
  func outermost(_ axis: Int, high: Bool) -> Values {
    Values(face(axis, high: high, rim: false), of: cells.span)
  }

  mutating func setRim(_ values: Values, _ axis: Int, high: Bool) throws(CollectiveError) {
    let rim = face(axis, high: high, rim: true)
    var view = cells.mutableSpan
    try values.write(to: rim, of: &view)
  }

  /// The rim of a cube that is alone: its other side.
  mutating func wrap() throws {
    for axis in 0..<3 {
      let (low, high) = (outermost(axis, high: false), outermost(axis, high: true))
      try setRim(high, axis, high: false)
      try setRim(low, axis, high: true)
    }
  }

  /// Half of itself, and half of the mean of its 26 neighbors, in one order of adding.
  mutating func advance() {
    var next = cells
    each { place in
      var sum: Float = 0
      for x in -1...1 {
        for y in -1...1 {
          for z in -1...1 where (x, y, z) != (0, 0, 0) {
            sum += cells[index([place[0] + x, place[1] + y, place[2] + z])]
          }
        }
      }
      next[index(place)] = 0.5 * cells[index(place)] + 0.5 / 26 * sum
    }
    cells = next
  }
}

/// One of the eight: makes four calls an axis, and goes on when all of them are over.
private struct HaloPeer: PeerLogic {
  private var group: GroupLogic
  private let birth: Birth
  private var hasBegun = false
  /// Its first cell in the whole cube.
  let corner: [Int]
  private(set) var cube: Cube
  private(set) var step = 0
  private var axis = 0
  /// The peers by their numbers in the world, once all have said theirs.
  private var peers: [PeerID] = []
  /// The rims that are on their way, by call: true for the high one; nil for what is sent.
  private var open: [UInt64: Bool?] = [:]
  private var lastCall: UInt64 = 0
  /// Calls that ended otherwise than they should.
  private(set) var troubles: [String] = []
  private let place: [Int]

  init(_ birth: Birth) {
    self.birth = birth
    let n = HaloExchangeTests.peersPerEdge
    let place = [birth.index / (n * n), birth.index / n % n, birth.index % n]
    let edge = HaloExchangeTests.edge / n
    self.place = place
    let corner = place.map { $0 * edge }
    self.corner = corner
    cube = Cube(edge: edge)
    cube.fill { cell in HaloExchangeTests.beginning(zip(corner, cell).map { $0 + $1 }) }
    group = GroupLogic(
      me: birth.member, settings: .init(seed: Seed(1), membersMin: birth.addresses.count))
  }

  private func neighbor(_ axis: Int, high: Bool) -> PeerID {
    let n = HaloExchangeTests.peersPerEdge
    var other = place
    other[axis] = (other[axis] + (high ? 1 : n - 1)) % n
    return peers[other.reduce(0) { $0 * n + $1 }]
  }

  mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
    var actions: [LinkAction] = []
    if !hasBegun {
      hasBegun = true
      if birth.index == 0 {
        let state = SharedState(round: 0, tensors: [(name: "none", values: [0])], note: [])
        actions += group.found(StateServer(state), at: now)
        actions += introduce(at: now)
      } else {
        actions += group.seek(birth.addresses[0], at: now)
      }
    }
    actions += group.handle(event, at: now)
    while true {
      let notices = group.takeNotices()
      guard !notices.isEmpty else { return actions }
      for notice in notices {
        switch notice {
        case .loaded: actions += introduce(at: now)
        case .finished(let id, let result): actions += finished(id, result, at: now)
        case .evicted(let reason): troubles.append(reason)
        default: break
        }
      }
    }
  }

  /// Says which part of the cube is this peer's; ends when all eight are in the group.
  private mutating func introduce(at now: Duration) -> [LinkAction] {
    call(.allGather(.u8([UInt8(birth.index)])), on: Channel(), rim: nil, at: now)
  }

  private mutating func call(
    _ call: Call, on channel: Channel, rim: Bool?, at now: Duration
  ) -> [LinkAction] {
    lastCall += 1
    open[lastCall] = .some(rim)
    return group.call(call, on: channel, id: lastCall, until: now + .seconds(300), at: now)
  }

  private mutating func finished(
    _ id: UInt64, _ result: Result<CallOutcome, CollectiveError>, at now: Duration
  ) -> [LinkAction] {
    guard let rim = open.removeValue(forKey: id) else { return [] }
    do {
      let outcome = try result.get()
      if peers.isEmpty {
        let numbers = outcome.values.bytes.map(Int.init)
        let ids = outcome.contributors.map(\.member.id)
        peers = zip(numbers, ids).sorted { $0.0 < $1.0 }.map(\.1)
      } else {
        if let high = rim { try cube.setRim(outcome.values, axis, high: high) }
        if open.isEmpty { axis += 1 }
      }
    } catch {
      troubles.append("\(error)")
      return []
    }
    if axis == 3 {
      cube.advance()
      (axis, step) = (0, step + 1)
    }
    return open.isEmpty && step < HaloExchangeTests.steps ? exchange(at: now) : []
  }

  private mutating func exchange(at now: Duration) -> [LinkAction] {
    var actions: [LinkAction] = []
    let me = group.me.id
    for high in [false, true] {
      // My low face is my lower neighbor's high rim: tags name the rim.
      let other = neighbor(axis, high: high)
      actions += call(
        .send(cube.outermost(axis, high: high), from: me, to: other),
        on: Channel(tag: high ? 0 : 1, from: me, to: other), rim: nil, at: now)
      actions += call(
        .receive(.f32, from: other, by: me),
        on: Channel(tag: high ? 1 : 0, from: other, to: me), rim: high, at: now)
    }
    return actions
  }
}
