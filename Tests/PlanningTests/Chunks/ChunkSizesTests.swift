// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Chunk sizes")
struct ChunkSizesTests {
  @Test("in sum the whole, each its share rounded up or down", arguments: seeds(200))
  func exact(seed: Seed) throws {
    var random = SplitMix64(seed)
    let total = Int.random(
      in: 0...[10, 1000, 1_000_000_007].randomElement(using: &random)!, using: &random)
    var weights = (0..<Int.random(in: 1...40, using: &random)).map { _ in
      Int.random(in: 0...4, using: &random) == 0 ? 0 : Double.random(in: 1e-3...1e3, using: &random)
    }
    weights[0] = 1
    let sizes = try ChunkSizes.weighted(total: total, weights: weights)
    #expect(sizes.reduce(0, +) == total)
    let sum = weights.reduce(0, +)
    for (size, weight) in zip(sizes, weights) {
      let share = Double(total) * weight / sum
      #expect(abs(Double(size) - share) < 1 + 1e-6, "\(size) for \(share)")
      if weight == 0 { #expect(size == 0) }
    }
    // The faster is never given less.
    for (a, b) in zip(weights.indices, weights.indices.dropFirst()) where weights[a] > weights[b] {
      #expect(sizes[a] >= sizes[b])
    }
    #expect(ChunkSizes.ranges(sizes).last?.upperBound == total)
  }

  @Test("whole granules, but for the last", arguments: seeds(50))
  func granules(seed: Seed) throws {
    var random = SplitMix64(seed)
    let total = Int.random(in: 0...100_000, using: &random)
    let granule = Int.random(in: 1...4096, using: &random)
    let weights = (0..<Int.random(in: 1...9, using: &random)).map { _ in
      Double.random(in: 0.1...10, using: &random)
    }
    let sizes = try ChunkSizes.weighted(total: total, weights: weights, granule: granule)
    #expect(sizes.reduce(0, +) == total && sizes.allSatisfy { $0 >= 0 })
    #expect(sizes.filter { !$0.isMultiple(of: granule) }.count <= 1)
  }

  @Test("40, 30, 20 and 10 Mbit/s share 100 as they are; equal ones give the rest to the first")
  func examples() throws {
    #expect(try ChunkSizes.weighted(total: 100, weights: [40, 30, 20, 10]) == [40, 30, 20, 10])
    #expect(try ChunkSizes.weighted(total: 11, weights: [1, 1, 1]) == [4, 4, 3])
    #expect(try ChunkSizes.weighted(total: 0, weights: [1, 2]) == [0, 0])
    #expect(try ChunkSizes.weighted(total: 10, weights: [1, 1], granule: 8) == [8, 2])
    #expect(ChunkSizes.ranges([4, 0, 3]) == [0..<4, 4..<4, 4..<7])
  }

  @Test("huge weights and totals do not overflow")
  func huge() throws {
    let weights = [Double.greatestFiniteMagnitude, .greatestFiniteMagnitude, 1]
    #expect(try ChunkSizes.weighted(total: 10, weights: weights) == [5, 5, 0])
    let sizes = try ChunkSizes.weighted(
      total: ChunkSizes.elementsMax, weights: Array(repeating: 0.1, count: 7))
    #expect(sizes.reduce(0, +) == ChunkSizes.elementsMax)
    #expect(sizes.max()! - sizes.min()! <= 1)
  }

  @Test("weights that share nothing out are refused")
  func refuses() {
    for weights in [[], [0, 0], [-1, 2], [.nan], [.infinity]] as [[Double]] {
      let error = #expect(throws: PlanningError.self) {
        try ChunkSizes.weighted(total: 1, weights: weights)
      }
      #expect(
        error?.description
          == "weights-out-of-range: weights that share nothing out (\(weights.count) weights). "
          + "Give 1 to 65536, none negative, at least one above 0.")
    }
  }
}
