// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryTensors
import Testing

/// All-reduces that read and write where their callers' values lie.
@Suite("Lent memory")
struct LentMemoryTests {
  /// The values of every rank, and what is lent of them.
  @safe
  private final class Ranks {
    // SAFETY: allocated and initialized for `count` elements each, freed with this object, which
    // outlives all loans.
    let places: [UnsafeMutableBufferPointer<Float>]
    let lent: [LentMemory]
    let given: [[Float]]

    init(world: Int, count: Int, seed: Seed) {
      given = (0..<world).map { sample(count, seed.derived("values", UInt64($0))) }
      unsafe places = given.map { values in
        let place = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
        _ = unsafe place.initialize(from: values)
        return unsafe place
      }
      lent = unsafe places.map {
        unsafe LentMemory(UnsafeMutableRawPointer($0.baseAddress!), count: $0.count, of: .f32)
      }
    }

    deinit { for rank in given.indices { unsafe places[rank].deallocate() } }

    func values(_ rank: Int) -> [Float] { unsafe Array(places[rank]) }

    func scribble(_ rank: Int) { unsafe places[rank].update(repeating: -1) }

    /// The machines of all, on lent memory or on copies.
    func fabric(
      _ way: AllReduceAlgorithm, _ reduce: ReduceOperation, weights: [Double], isLent: Bool,
      order: Seed = Seed(3)
    ) throws -> Fabric {
      let world = given.count
      let operation = Operation(
        .allReduce, reduce: reduce, algorithm: way, topology: OperationTests.topology(world))
      return Fabric(
        try given.indices.map { rank in
          try operation.machine(
            rank: rank, weights: weights, input: isLent ? Values(.f32) : .f32(given[rank]),
            lent: isLent ? lent[rank] : nil,
            counts: Array(repeating: [given[rank].count], count: world), seed: Seed(1),
            fingerprintSeed: Seed(5), pieceElements: 1024)
        }, order: order)
    }
  }

  /// More than some blocks that are kept, and no multiple of one.
  private static let count = 70_001
  /// Those that hand out the result as values, as they have no pieces to work on by themselves.
  private static let whole: [AllReduceAlgorithm] = [.oneShot, .halvingDoubling]

  @Test("the result lies where the values were, with the same bits", arguments: AllReduceTests.ways)
  func inPlace(way: AllReduceAlgorithm) throws {
    for (weights, reduce) in [
      ([1.0, 1, 1, 1], ReduceOperation.sum), ([0.5, 2, 0, 1], .mean), ([1, 1, 1, 1], .max),
    ] {
      let ranks = Ranks(world: 4, count: Self.count, seed: Seed(7))
      var copies = try ranks.fabric(way, reduce, weights: weights, isLent: false)
      try copies.run()
      var fabric = try ranks.fabric(way, reduce, weights: weights, isLent: true)
      try fabric.run()
      for rank in 0..<4 {
        let wanted = copies.machines[rank].output
        let output = try #require(fabric.machines[rank].output)
        if Self.whole.contains(way) {
          #expect(output == wanted && ranks.values(rank) == ranks.given[rank])
        } else {
          #expect(output.count == 0 && .f32(ranks.values(rank)) == wanted, "\(way), rank \(rank)")
          #expect(fabric.machines[rank].fingerprint != nil)
          #expect(fabric.machines[rank].fingerprint == copies.machines[rank].fingerprint)
        }
      }
    }
  }

  @Test("a second try finds what was given, although the first wrote over some of it")
  func again() throws {
    struct Enough: Error {}
    let ones = [Double](repeating: 1, count: 4)
    let ranks = Ranks(world: 4, count: Self.count, seed: Seed(8))
    var copies = try ranks.fabric(.ring, .sum, weights: ones, isLent: false)
    try copies.run()
    var first = try ranks.fabric(.ring, .sum, weights: ones, isLent: true)
    var left = 300
    #expect(throws: Enough.self) {
      try first.run(after: { _, _ in
        left -= 1
        if left == 0 { throw Enough() }
      })
    }
    #expect((0..<4).contains { ranks.values($0) != ranks.given[$0] }, "something was written")
    var second = try ranks.fabric(.ring, .sum, weights: ones, isLent: true, order: Seed(4))
    try second.run()
    for rank in 0..<4 { #expect(.f32(ranks.values(rank)) == copies.machines[rank].output) }
  }

  @Test(
    "what is given back is as it was, and the others end without it", arguments: [1, 150, 300],
    [1.0, 0])
  func givenBack(after deliveries: Int, weight: Double) throws {
    let weights = [1, 1, weight, 1]
    let ranks = Ranks(world: 4, count: Self.count, seed: Seed(9))
    var copies = try ranks.fabric(.ring, .sum, weights: weights, isLent: false)
    try copies.run()
    var fabric = try ranks.fabric(.ring, .sum, weights: weights, isLent: true)
    var left = deliveries
    try fabric.run(after: { _, _ in
      left -= 1
      guard left == 0 else { return }
      ranks.lent[2].giveBack()
      #expect(ranks.values(2) == ranks.given[2])
      // Its owner may do with it what it likes.
      ranks.scribble(2)
    })
    #expect(left <= 0)
    for rank in [0, 1, 3] { #expect(.f32(ranks.values(rank)) == copies.machines[rank].output) }
    #expect(fabric.machines[2].fingerprint == copies.machines[2].fingerprint)
    ranks.lent[2].giveBack()
    #expect(ranks.values(2) == [Float](repeating: -1, count: Self.count), "not touched any more")
  }
}
