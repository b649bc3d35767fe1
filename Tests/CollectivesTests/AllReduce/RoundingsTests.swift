// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

/// How often a value is encoded on its way: counted, not believed.
@Suite("Roundings of an all-reduce")
struct RoundingsTests {
  /// A codec whose every encoding doubles: after `n` of them a 1 is `2ⁿ`, and no bit is lost.
  private struct Doubling: Codec {
    var kind: CodecKind { .bfloat16 }
    func byteCount(for count: Int) -> Int { count * 4 }
    func errorBound(peak: Float) -> Float { peak }

    func encode(
      _ values: Span<Float>, seed: Seed, into bytes: inout MutableSpan<UInt8>
    ) throws(CodecError) {
      var doubled: [Float] = []
      for i in values.indices { doubled.append(2 * values[i]) }
      try Float32Codec().encode(doubled.span, seed: seed, into: &bytes)
    }

    func decode(_ bytes: Span<UInt8>, into values: inout MutableSpan<Float>) throws(CodecError) {
      try Float32Codec().decode(bytes, into: &values)
    }

    func accumulate(
      _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
    ) throws(CodecError) {
      try Float32Codec().accumulate(bytes, into: &values)
    }
  }

  /// The most encodings that any value of any rank goes through.
  private func most(_ algorithm: AllReduceAlgorithm, world: Int) throws -> Int {
    var most = 0
    let islands = [stride(from: 0, to: world, by: 4).map { Array($0..<min($0 + 4, world)) }]
    for one in 0..<world {
      let machines = try (0..<world).map { rank in
        algorithm.machine(
          [Float](repeating: rank == one ? 1 : 0, count: 3 * world),
          in: try Reduction(
            rank: rank, weights: Array(repeating: 1, count: world), codec: Doubling(),
            operation: .sum, seed: Seed(1), topology: Topology(islands: islands),
            pieceElements: 2))
      }
      var fabric = Fabric(machines, order: Seed(UInt64(one)))
      try fabric.run()
      guard case .f32(let values) = fabric.machines[0].output else { throw Missing() }
      for value in values { most = max(most, Int(value.exponent)) }
    }
    return most
  }
  private struct Missing: Error {}

  @Test(
    "at most two in all that is chosen, whatever the world; others as they say",
    arguments: [2, 3, 5, 8, 16])
  func most(world: Int) throws {
    let levels = (world - 1).bitWidth - (world - 1).leadingZeroBitCount
    #expect(try most(.direct, world: world) == 2)
    #expect(try most(.automatic, world: world) <= 2)
    #expect(try most(.star, world: world) == 2)
    #expect(try most(.oneShot, world: world) == 1)
    #expect(try most(.ring, world: world) == world)
    #expect(try most(.tree, world: world) <= levels + 1)
    #expect(try most(.halvingDoubling, world: world) <= 2 * levels + 2)
    #expect(try most(.hierarchical, world: world) <= 3)
  }

  @Test(
    "stochastic codecs: the mean over seeds is the mean of the contributions, within 5 sigma",
    arguments: [CodecKind.int8Stochastic, .int4Stochastic])
  func unbiased(kind: CodecKind) throws {
    let (world, count, rounds) = (4, 32, 3000)
    let contributions = (0..<world).map { sample(count, Seed(UInt64(40 + $0))) }
    for algorithm in [AllReduceAlgorithm.direct, .oneShot] {
      var sums = [Double](repeating: 0, count: count)
      for round in 0..<rounds {
        let seed = Seed(5).derived("round", UInt64(round))
        let machines = try (0..<world).map { rank in
          algorithm.machine(
            contributions[rank],
            in: try Reduction(
              rank: rank, weights: Array(repeating: 1, count: world), codec: kind.codec(),
              operation: .mean, seed: seed))
        }
        var fabric = Fabric(machines, order: seed)
        try fabric.run()
        guard case .f32(let result) = fabric.machines[0].output else { throw Missing() }
        for i in 0..<count { sums[i] += Double(result[i]) }
      }
      // A rounding of a value between codes errs by half a step of deviation at most, a step being
      // at most the bound for a peak of 1: `world` of them averaged, and one of the result.
      let step = Double(kind.codec().errorBound(peak: 1))
      let sigma = step / 2 * (1 / Double(world) + 1).squareRoot() / Double(rounds).squareRoot()
      for i in 0..<count {
        let mean = contributions.reduce(0) { $0 + Double($1[i]) } / Double(world)
        #expect((sums[i] / Double(rounds) - mean).magnitude <= 5 * sigma, "\(algorithm) \(i)")
      }
    }
  }
}
