// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

/// What all ways promise of floats, over worlds, sizes, codecs, weights and orders of arrival.
@Suite("All-reduce")
struct AllReduceTests {
  static let worlds = [1, 2, 3, 5, 8]
  static let codecs = CodecKind.allCases

  static func sizes(_ world: Int) -> [Int] {
    Array(Set([0, 1, world - 1, world, world + 1, 300])).sorted()
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
  private func check(
    _ algorithm: AllReduceAlgorithm, count: Int, weights: [Double], codec kind: CodecKind,
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
    var fabric = Fabric(
      try (0..<world).map { rank in
        algorithm.machine(
          contributions[rank],
          in: try Reduction(
            rank: rank, weights: weights, codec: codec, operation: operation, seed: seed,
            topology: OperationTests.topology(world), pieceElements: pieceElements))
      }, order: seed)
    try fabric.run()

    let results = fabric.machines.map { $0.output?.bytes }
    #expect(results[0] != nil && results.allSatisfy { $0 == results[0] }, "not the same bits")
    #expect(fabric.machines.allSatisfy { $0.isDone && $0.awaited.isEmpty })
    guard case .f32(let first) = fabric.machines[0].output else { return }

    let divisor = operation == .mean ? weights.reduce(0, +) : 1
    let allowance = allowance(algorithm, weights: weights, codec: codec, operation: operation)
    var worst = 0.0
    for i in 0..<count {
      var exact = 0.0
      for rank in 0..<world where weights[rank] > 0 {
        exact += weights[rank] * Double(contributions[rank][i])
      }
      worst = max(worst, abs(Double(first[i]) - exact / divisor))
    }
    #expect(worst <= allowance, "\(algorithm): \(worst) off, \(allowance) allowed")
  }

  /// The largest error that a value may have, when no contribution is above 1: one encoding in one
  /// shot; for direct and star one of each contribution and one of the result; for others one of a
  /// partial sum by each rank and some of the result; and single precision's own.
  private func allowance(
    _ algorithm: AllReduceAlgorithm, weights: [Double], codec: any Codec,
    operation: ReduceOperation
  ) -> Double {
    let world = weights.count
    let total = weights.reduce(0, +)
    let heaviest = weights.max()!
    let scales = weights.map { operation == .mean ? $0 / heaviest : $0 }
    let divisor = operation == .mean ? total / heaviest : 1
    let peak = scales.reduce(0, +)
    let single = 1e-6 * peak / divisor
    guard codec.errorBound(peak: 1) > 0, world > 1 || algorithm == .oneShot else { return single }
    func bound(_ peak: Double) -> Double { Double(codec.errorBound(peak: Float(peak * 1.3))) }
    let levels = Double((world - 1).bitWidth - (world - 1).leadingZeroBitCount)
    let ofResult = bound(peak / divisor) * (algorithm == .halvingDoubling ? levels + 1 : 1)
    if algorithm == .oneShot {
      return scales.reduce(0) { $0 + $1 * bound(1) } / divisor + single
    }
    let ofParts: Double =
      switch algorithm {
      case .direct, .star: scales.reduce(0) { $0 + bound($1) }
      default: Double(world) * bound(peak)
      }
    return ofParts / divisor + ofResult + single
  }

  static let ways = AllReduceAlgorithm.allCases.filter { $0 != .automatic }

  @Test("all ranks get the same bits, within the codec's bound", arguments: worlds, codecs)
  func parity(world: Int, kind: CodecKind) throws {
    for count in Self.sizes(world) {
      for (index, weights) in Self.weights(world, Seed(UInt64(count))).enumerated() {
        let seed = Seed(UInt64(world * 10_000 + count)).derived("case", UInt64(index))
        for operation in [ReduceOperation.sum, .mean] {
          for way in Self.ways {
            try check(
              way, count: count, weights: weights, codec: kind, operation: operation, seed: seed)
          }
        }
      }
    }
  }

  @Test("large vectors in pieces of full size", arguments: [2, 5], codecs)
  func large(world: Int, kind: CodecKind) throws {
    let seed = Seed(UInt64(world))
    for weights in Self.weights(world, seed).prefix(2) {
      for way in Self.ways {
        try check(
          way, count: 20_003, weights: weights, codec: kind, operation: .mean, seed: seed,
          pieceElements: 1024)
      }
    }
  }

  /// Runs an all-reduce of floats among so many.
  static func fabric(
    _ algorithm: AllReduceAlgorithm, count: Int, weights: [Double], topology: Topology = Topology(),
    operation: ReduceOperation = .sum, of values: (Int) -> [Float]
  ) throws -> Fabric {
    var fabric = Fabric(
      try weights.indices.map { rank in
        algorithm.machine(
          values(rank),
          in: try Reduction(
            rank: rank, weights: weights, codec: Float32Codec(), operation: operation,
            seed: Seed(1), topology: topology))
      }, order: Seed(2))
    try fabric.run()
    return fabric
  }

  @Test(
    "on fast links two pieces go ahead, the others as some come, and all end", arguments: worlds)
  func ahead(world: Int) throws {
    let fast = Topology(areLinksFast: true)
    for weights in Self.weights(world, Seed(11)) {
      let values = { (rank: Int) in sample(world * 10 * 1024, Seed(UInt64(rank))) }
      for way in Self.ways where way != .hierarchical {
        let machines = { (topology: Topology) in
          try weights.indices.map { rank in
            way.machine(
              values(rank),
              in: try Reduction(
                rank: rank, weights: weights, codec: Float32Codec(), operation: .mean,
                seed: Seed(1), topology: topology, pieceElements: 1024))
          }
        }
        var (slow, quick) = (
          Fabric(try machines(Topology()), order: Seed(2)),
          Fabric(try machines(fast), order: Seed(2))
        )
        try slow.run()
        try quick.run()
        for rank in 0..<world {
          let output = try #require(quick.machines[rank].output)
          #expect(output == slow.machines[rank].output, "\(way), rank \(rank)")
        }
        #expect(quick.bytesBetween == slow.bytesBetween)
        guard way == .ring, world > 1, weights.allSatisfy({ $0 == 1 }) else { continue }
        var first = try machines(fast)[0]
        #expect(try first.start().count == 2)
        var all = try machines(Topology())[0]
        #expect(try all.start().count == 10)
      }
    }
  }

  @Test("means and sums of ones are exact, and so is the mean of two equal values")
  func exactness() throws {
    for world in Self.worlds {
      for way in Self.ways {
        for operation in [ReduceOperation.sum, .mean] {
          let fabric = try Self.fabric(
            way, count: 3, weights: Array(repeating: 1, count: world), operation: operation
          ) { _ in [0.1, 1, -7.3] }
          guard case .f32(let result) = fabric.machines[0].output else { continue }
          #expect(result[1] == (operation == .mean ? 1 : Float(world)))
          if operation == .mean, world <= 2 { #expect(result == [0.1, 1, -7.3]) }
        }
      }
    }
  }

  @Test("each rank sends what its way says")
  func traffic() throws {
    func sent(_ way: AllReduceAlgorithm, _ weights: [Double]) throws -> [Int] {
      try Self.fabric(way, count: 4000, weights: weights) { _ in
        [Float](repeating: 1, count: 4000)
      }.bytesSent
    }
    let four = [24000, 24000, 24000, 24000]
    #expect(try sent(.ring, [1, 1, 1, 1]) == four)
    #expect(try sent(.direct, [1, 1, 1, 1]) == four)
    #expect(try sent(.halvingDoubling, [1, 1, 1, 1]) == four)
    #expect(try sent(.hierarchical, [1, 1, 1, 1]) == four)
    #expect(try sent(.oneShot, [1, 1, 1, 1]) == [48000, 48000, 48000, 48000])
    #expect(try sent(.star, [1, 1, 1, 1]) == [48000, 16000, 16000, 16000])
    #expect(try sent(.tree, [1, 1, 1, 1]) == [32000, 16000, 32000, 16000])
    // A rank of weight 0 only passes on what it must.
    #expect(try sent(.direct, [1, 1, 1, 0]) == [24000, 24000, 24000, 12000])
    #expect(try sent(.oneShot, [1, 1, 1, 0]) == [48000, 48000, 48000, 0])
    #expect(try sent(.star, [1, 1, 1, 0]) == [48000, 16000, 16000, 0])
    #expect(try sent(.halvingDoubling, [1, 1, 0, 0]) == [32000, 32000, 0, 0])
  }

  @Test("halving and doubling has one message each way a level")
  func messages() throws {
    let fabric = try Self.fabric(
      .halvingDoubling, count: 1000, weights: Array(repeating: 1, count: 8)
    ) { _ in sample(1000, Seed(1)) }
    #expect(fabric.messages == 8 * 2 * 3)
  }

  @Test("islands: links between them carry the vector once each way, whatever an island's size")
  func islands() throws {
    // Two islands of two hosts of two.
    let hosts = [[0, 1], [2, 3], [4, 5], [6, 7]]
    let topology = Topology(islands: [hosts, [[0, 1, 2, 3], [4, 5, 6, 7]]])
    let fabric = try Self.fabric(
      .hierarchical, count: 8000, weights: Array(repeating: 1, count: 8), topology: topology
    ) { sample(8000, Seed(UInt64($0))) }
    var (between, within) = (0, 0)
    for from in 0..<8 {
      for to in 0..<8 {
        if from / 4 != to / 4 { between += fabric.bytesBetween[from][to] }
        if from / 4 == to / 4, from / 2 != to / 2 { within += fabric.bytesBetween[from][to] }
      }
      // Like ranks meet, and nobody else.
      #expect(
        fabric.bytesBetween[from].enumerated().allSatisfy { to, bytes in
          bytes == 0 || from / 2 == to / 2 || from % 2 == to % 2
        })
    }
    // Half of the sums and half of the results, each way: the vector once.
    #expect(between == 2 * 32000)
    #expect(within == 4 * 32000)
  }
}
