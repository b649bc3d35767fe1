// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import FerrySimulation
import FerryTensors
import Testing

/// A stencil on a cube that eight peers share: each sends the faces of its part, which are slices of
/// the tensor where it lies, and unpacks its fellows' into the rim around it.
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
    func steps(_ world: World<HaloPeer>) -> [Int] {
      (0..<count).compactMap { world.withLogic($0) { $0.step } }
    }
    try world.run(until: .seconds(300)) { steps($0) != Array(repeating: Self.steps, count: count) }
    #expect(steps(world) == Array(repeating: Self.steps, count: count))
    #expect(world.faults[.loss] > 20 && world.faults[.delay] > 20, "\(world.faults)")

    var whole = Cube(edge: Self.edge)
    whole.fill { Self.beginning($0) }
    for _ in 0..<Self.steps {
      whole.wrap()
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

  func packed(_ axis: Int, high: Bool) -> [UInt8] {
    let slice = face(axis, high: high, rim: false)
    var bytes = [UInt8](repeating: 0, count: slice.block.byteCount)
    var view = bytes.mutableSpan
    slice.block.pack(cells.span.elementBytes, into: &view)
    return bytes
  }

  mutating func unpack(_ bytes: [UInt8], _ axis: Int, high: Bool) {
    let slice = face(axis, high: high, rim: true)
    var view = cells.mutableSpan
    slice.block.unpack(bytes.span.elementBytes, into: &view)
  }

  /// The rim of a cube that is alone: its other side.
  mutating func wrap() {
    for axis in 0..<3 {
      let (low, high) = (packed(axis, high: false), packed(axis, high: true))
      unpack(high, axis, high: false)
      unpack(low, axis, high: true)
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

/// One of the eight: sends its faces axis by axis, and goes on when both of its fellows' are here.
private struct HaloPeer: PeerLogic {
  private let birth: Birth
  /// Its first cell in the whole cube.
  let corner: [Int]
  private(set) var cube: Cube
  private(set) var step = 0
  private var axis = 0
  private var hasSent = false
  /// Faces by step, axis and side, as fellows may be a step ahead.
  private var arrived: [[Int]: [UInt8]] = [:]
  private var peers: [Int: PeerID] = [:]
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
  }

  private func neighbor(_ axis: Int, high: Bool) -> Int {
    let n = HaloExchangeTests.peersPerEdge
    var other = place
    other[axis] = (other[axis] + (high ? 1 : n - 1)) % n
    return other.reduce(0) { $0 * n + $1 }
  }

  mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
    switch event {
    case .woke:
      let missing = birth.addresses.filter { $0 != birth.address }
      return peers.count == birth.addresses.count - 1
        ? []
        : missing.map { .dial($0) } + [.wake(at: now + .milliseconds(100))]
    case .linked(let member, let address):
      guard let address, let index = birth.addresses.firstIndex(of: address) else { return [] }
      peers[index] = member.id
      return goOn()
    case .received(_, let frame):
      arrived[frame.payload.prefix(3).map(Int.init)] = Array(frame.payload.dropFirst(3))
      return goOn()
    case .unlinked, .unreachable: return []
    }
  }

  private mutating func goOn() -> [LinkAction] {
    var actions: [LinkAction] = []
    while step < HaloExchangeTests.steps, peers.count == birth.addresses.count - 1 {
      if !hasSent {
        hasSent = true
        for high in [false, true] {
          // My low face is my lower neighbor's high rim.
          let head = [step, axis, high ? 0 : 1].map(UInt8.init)
          actions.append(
            .send(
              peers[neighbor(axis, high: high)]!,
              Frame(.exchange, head + cube.packed(axis, high: high))))
        }
      }
      guard let low = arrived[[step, axis, 0]], let high = arrived[[step, axis, 1]] else { break }
      arrived[[step, axis, 0]] = nil
      arrived[[step, axis, 1]] = nil
      cube.unpack(low, axis, high: false)
      cube.unpack(high, axis, high: true)
      (axis, hasSent) = (axis + 1, false)
      if axis == 3 {
        cube.advance()
        (axis, step) = (0, step + 1)
      }
    }
    return actions
  }
}
