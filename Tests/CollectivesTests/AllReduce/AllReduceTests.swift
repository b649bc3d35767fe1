// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

/// What all algorithms promise, over worlds, sizes, codecs, weights and orders of arrival.
@Suite("All-reduce")
struct AllReduceTests {
  static let worlds = [1, 2, 3, 5, 8]
  static let codecs = CodecKind.allCases

  static func sizes(_ world: Int) -> [Int] {
    Array(Set([0, 1, world - 1, world, world + 1, 1000])).sorted()
  }

  static func weights(_ world: Int, _ seed: Seed) -> [[Double]] {
    var chance = SplitMix64(seed.derived("weights"))
    var odd = (0..<world).map { _ in Double(chance.next() % 5) * 0.75 }
    odd[Int(chance.next() % UInt64(world))] = 2
    var lone = [Double](repeating: 0, count: world)
    lone[Int(chance.next() % UInt64(world))] = 3
    return [Array(repeating: 1, count: world), odd, lone]
  }

  /// Runs one all-reduce and checks every promise.
  private func check<Machine: AllReduceMachine>(
    _: Machine.Type, count: Int, weights: [Double], codec kind: CodecKind,
    operation: ReduceOperation, seed: Seed, pieceElements: Int = 64
  ) throws {
    let world = weights.count
    let codec = kind.codec()
    let contributions = (0..<world).map { rank in
      // What a rank of weight 0 holds is never read.
      weights[rank] == 0
        ? [Float](repeating: .nan, count: count)
        : sample(count, seed.derived("values", UInt64(rank)))
    }
    let machines = try (0..<world).map { rank in
      Machine(
        contributions[rank],
        in: try Reduction(
          rank: rank, weights: weights, codec: codec, operation: operation, seed: seed,
          pieceElements: pieceElements))
    }
    var fabric = Fabric(machines, order: seed)
    try fabric.run()

    let results = fabric.machines.map(\.result)
    let first = try #require(results[0])
    #expect(results.allSatisfy { $0.map { bits($0) == bits(first) } ?? false }, "not the same bits")
    #expect(fabric.machines.allSatisfy { $0.isDone && $0.awaited.isEmpty })

    let total = weights.reduce(0, +)
    let divisor = operation == .mean ? total : 1
    let allowance = allowance(
      Machine.self, weights: weights, codec: codec, operation: operation)
    var worst = 0.0
    for i in 0..<count {
      var exact = 0.0
      for rank in 0..<world where weights[rank] > 0 {
        exact += weights[rank] * Double(contributions[rank][i])
      }
      worst = max(worst, abs(Double(first[i]) - exact / divisor))
    }
    #expect(worst <= allowance, "\(worst) off, \(allowance) allowed")
  }

  /// The largest error that a value may have, when no contribution is above 1: one encoding in one
  /// shot, two for direct, one a hop for the ring, and single precision's own.
  private func allowance<Machine: AllReduceMachine>(
    _: Machine.Type, weights: [Double], codec: any Codec, operation: ReduceOperation
  ) -> Double {
    let total = weights.reduce(0, +)
    let heaviest = weights.max()!
    let scales = weights.map { operation == .mean ? $0 / heaviest : $0 }
    let divisor = operation == .mean ? total / heaviest : 1
    let peak = scales.reduce(0, +)
    let single = 1e-6 * peak / divisor
    let isOneShot = Machine.self == OneShot.self
    guard codec.errorBound(peak: 1) > 0, weights.count > 1 || isOneShot else { return single }
    func bound(_ peak: Double) -> Double { Double(codec.errorBound(peak: Float(peak * 1.1))) }
    if isOneShot { return scales.reduce(0) { $0 + $1 * bound(1) } / divisor + single }
    let hops =
      Machine.self == Ring.self
      ? Double(weights.count) * bound(peak) : scales.reduce(0) { $0 + bound($1) }
    return hops / divisor + bound(peak / divisor) + single
  }

  @Test("all ranks get the same bits, within the codec's bound", arguments: worlds, codecs)
  func parity(world: Int, kind: CodecKind) throws {
    for count in Self.sizes(world) {
      for (index, weights) in Self.weights(world, Seed(UInt64(count))).enumerated() {
        let seed = Seed(UInt64(world * 10_000 + count)).derived("case", UInt64(index))
        for operation in ReduceOperation.allCases {
          try check(
            Ring.self, count: count, weights: weights, codec: kind, operation: operation,
            seed: seed)
          try check(
            Direct.self, count: count, weights: weights, codec: kind, operation: operation,
            seed: seed)
          try check(
            OneShot.self, count: count, weights: weights, codec: kind, operation: operation,
            seed: seed)
        }
      }
    }
  }

  @Test("large vectors in pieces of full size", arguments: [2, 5], codecs)
  func large(world: Int, kind: CodecKind) throws {
    let seed = Seed(UInt64(world))
    for weights in Self.weights(world, seed).prefix(2) {
      try check(
        Ring.self, count: 100_003, weights: weights, codec: kind, operation: .mean, seed: seed,
        pieceElements: 4096)
      try check(
        Direct.self, count: 100_003, weights: weights, codec: kind, operation: .mean, seed: seed,
        pieceElements: 4096)
      try check(
        OneShot.self, count: 100_003, weights: weights, codec: kind, operation: .mean, seed: seed,
        pieceElements: 4096)
    }
  }

  @Test("the order of arrival changes no bit", arguments: 1...20)
  func orderOfArrival(order: UInt64) throws {
    func results<Machine: AllReduceMachine>(_: Machine.Type, _ order: Seed) throws -> [Float]? {
      let machines = try (0..<5).map { rank in
        Machine(
          sample(777, Seed(UInt64(rank))),
          in: try Reduction(
            rank: rank, weights: [1, 2, 0, 0.5, 1], codec: CodecKind.int8Stochastic.codec(),
            operation: .mean, seed: Seed(9), pieceElements: 50))
      }
      var fabric = Fabric(machines, order: order)
      try fabric.run()
      return fabric.machines[3].result
    }
    #expect(try results(Direct.self, Seed(order)) == results(Direct.self, Seed(0)))
    #expect(try results(Ring.self, Seed(order)) == results(Ring.self, Seed(0)))
    #expect(try results(OneShot.self, Seed(order)) == results(OneShot.self, Seed(0)))
  }

  @Test("means and sums of ones are exact, and so is the mean of two equal values")
  func exactness() throws {
    for world in Self.worlds {
      for algorithm in [AllReduceAlgorithm.ring, .direct, .oneShot] {
        for operation in ReduceOperation.allCases {
          let machines = try (0..<world).map { rank in
            Wrapped(
              machine: algorithm.machine(
                [0.1, 1, -7.3],
                in: try Reduction(
                  rank: rank, weights: Array(repeating: 1, count: world), codec: Float32Codec(),
                  operation: operation, seed: Seed(1))))
          }
          var fabric = Fabric(machines, order: Seed(1))
          try fabric.run()
          let result = try #require(fabric.machines[0].machine.result)
          #expect(result[1] == (operation == .mean ? 1 : Float(world)))
          if operation == .mean, world <= 2 { #expect(result == [0.1, 1, -7.3]) }
        }
      }
    }
  }

  @Test(
    "each rank sends 2 (W - 1) / W of the vector, by ring and direct; W - 1 vectors in one shot")
  func traffic() throws {
    func sent<Machine: AllReduceMachine>(_: Machine.Type, _ weights: [Double]) throws -> [Int] {
      let machines = try weights.indices.map { rank in
        Machine(
          sample(4000, Seed(UInt64(rank))),
          in: try Reduction(
            rank: rank, weights: weights, codec: Float32Codec(), operation: .sum, seed: Seed(1)))
      }
      var fabric = Fabric(machines, order: Seed(2))
      try fabric.run()
      return fabric.bytesSent
    }
    #expect(try sent(Ring.self, [1, 1, 1, 1]) == [24000, 24000, 24000, 24000])
    #expect(try sent(Direct.self, [1, 1, 1, 1]) == [24000, 24000, 24000, 24000])
    // A rank of weight 0 only passes on what it must.
    #expect(try sent(Direct.self, [1, 1, 1, 0]) == [24000, 24000, 24000, 12000])
    #expect(try sent(OneShot.self, [1, 1, 1, 0]) == [48000, 48000, 48000, 0])
  }

  private func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
}

/// A machine of either kind.
struct Wrapped: CollectiveMachine {
  var machine: any AllReduceMachine

  mutating func start() throws(CollectiveError) -> [Outgoing] { try machine.start() }
  mutating func receive(_ chunk: Chunk, from rank: Int) throws(CollectiveError) -> [Outgoing] {
    try machine.receive(chunk, from: rank)
  }
  var isDone: Bool { machine.isDone }
  var awaited: [Int] { machine.awaited }
}
