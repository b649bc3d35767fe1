// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Testing

@Suite("StridedBlock")
struct StridedBlockTests {
  /// How many random layouts the properties are tried on.
  static let layouts = 10_000

  @Test("10,000 nested layouts mean the bytes that a walk finds, in its order")
  func meaning() throws {
    var chance = SplitMix64(Seed(1))
    var (levels, empty, down) = ([Int](repeating: 0, count: 9), 0, 0)
    for number in 0..<Self.layouts {
      let layout = NestedLayout.random(depth: 1 + number % 4, &chance)
      let walk = layout.walk()
      let block = try layout.block()
      try #require(block.offsets == walk.offsets, "\(layout)")
      try #require(block.byteCount == walk.offsets.count, "\(layout)")
      try #require(
        (block.lowerBound, block.upperBound) == (walk.lower, walk.upper), "\(layout)")
      if let lowest = walk.offsets.min(), let highest = walk.offsets.max() {
        try #require(block.footprint == lowest..<highest + 1, "\(layout)")
      }
      if block.isPlainlyApart { try #require(Set(walk.offsets).count == walk.offsets.count) }
      levels[min(8, block.counts.count)] += 1
      empty += block.isEmpty ? 1 : 0
      down += block.footprint.lowerBound < 0 ? 1 : 0
    }
    // What never comes up is not tested.
    #expect(levels[1...4].allSatisfy { $0 > 300 }, "\(levels.description)")
    #expect(empty > 300 && down > 500, "\(empty) empty, \(down) down")
  }

  @Test("10,000 nested layouts, said in other ways, have equal forms")
  func equalForms() throws {
    var chance = SplitMix64(Seed(2))
    var changed = 0
    for number in 0..<Self.layouts {
      let layout = NestedLayout.random(depth: 1 + number % 4, &chance)
      let other = layout.reexpressed(&chance)
      let (walk, otherWalk) = (layout.walk(), other.walk())
      try #require(walk.offsets == otherWalk.offsets, "\(layout) as \(other)")
      let (block, otherBlock) = (try layout.block(), try other.block())
      try #require(block.start == otherBlock.start, "\(layout) as \(other)")
      try #require(block.counts == otherBlock.counts, "\(layout) as \(other)")
      try #require(block.strides == otherBlock.strides, "\(layout) as \(other)")
      if walk == otherWalk { try #require(block == otherBlock, "\(layout) as \(other)") }
      changed += "\(layout)" == "\(other)" ? 0 : 1
    }
    #expect(changed > Self.layouts / 2)
  }

  @Test("different sequences have different forms")
  func differentForms() throws {
    var chance = SplitMix64(Seed(3))
    var forms: [StridedBlock: [Int]] = [:]
    for number in 0..<Self.layouts {
      let layout = NestedLayout.random(depth: 1 + number % 3, &chance)
      let block = try layout.block()
      let known = forms.updateValue(layout.walk().offsets, forKey: block)
      if let known { try #require(known == layout.walk().offsets, "\(layout)") }
    }
    #expect(forms.count > 2000)
  }

  @Test("levels that go on where the one below ends become one, and single ones go")
  func forms() throws {
    let float = StridedBlock(.f32)
    let matrix = try float.vector(count: 3, blockLength: 5, stride: 5)
    #expect(matrix == StridedBlock(byteCount: 60))
    let columns = try float.vector(count: 10, blockLength: 2, stride: 8)
    #expect(columns.counts == [8, 10] && columns.strides == [1, 32] && columns.extent == 296)
    let part = try float.subarray(sizes: [4, 6, 8], subsizes: [2, 3, 8], starts: [1, 2, 0])
    #expect(part.counts == [96, 2] && part.strides == [1, 192] && part.start == 256)
    #expect(part.extent == 768)
    let reversed = try float.vector(count: 3, blockLength: 1, stride: -1)
    #expect(reversed.counts == [4, 3] && reversed.strides == [1, -4])
    #expect(reversed.lowerBound == -8 && reversed.upperBound == 4)
    #expect(try columns.contiguous(0) == StridedBlock(byteCount: 0))
  }

  @Test("exchanging levels keeps the bytes, not their order: so it is asked for by name")
  func sorted() throws {
    let row = try StridedBlock(.f32).vector(count: 3, blockLength: 1, stride: 4)
    let transposed = try row.hvector(count: 4, blockLength: 1, byteStride: 4)
    #expect(transposed.offsets != Array(0..<48))
    #expect(transposed.counts == [4, 3, 4])
    #expect(transposed.sortedByStride().offsets == Array(0..<48))

    var chance = SplitMix64(Seed(4))
    var apart = 0
    for number in 0..<2000 {
      let block = try NestedLayout.random(depth: 1 + number % 4, &chance).block()
      let sorted = block.sortedByStride()
      try #require(sorted.offsets.sorted() == block.offsets.sorted())
      guard block.isPlainlyApart else { continue }
      apart += 1
      // Levels in any other order come to the same.
      let levels = zip(block.counts, block.strides).dropFirst().shuffled(using: &chance)
      var other = try StridedBlock(byteCount: block.counts[0]).moved(by: block.start)
      for (count, stride) in levels {
        other = try other.hvector(count: count, blockLength: 1, byteStride: stride)
      }
      let again = other.sortedByStride()
      try #require(again.counts == sorted.counts && again.strides == sorted.strides)
    }
    #expect(apart > 500, "\(apart) apart")
  }

  @Test("refuses what cannot be, by its numbers")
  func refusals() {
    let float = StridedBlock(.f32)
    let remedy = ". Use smaller counts and strides."
    #expect(
      message { _ = try float.contiguous(-1) }
        == "layout-invalid: -1 blocks of 1 (a strided layout of 4 bytes). Counts are 0 or more.")
    #expect(
      message { _ = try float.contiguous(.max) }
        == "layout-invalid: \(Int.max) times 4 bytes, more than an Int can count "
        + "(a strided layout of 4 bytes)" + remedy)
    #expect(
      message { _ = try float.vector(count: 2, blockLength: 1, stride: .min) }
        == "layout-invalid: a stride of \(Int.min) times 4 bytes, more than an Int can count "
        + "(a strided layout of 4 bytes)" + remedy)
    #expect(
      message { _ = try float.subarray(sizes: [3, 5], subsizes: [3, 4], starts: [0, 2]) }
        == "layout-invalid: 4 from 2 in dimension 1 of 5 (a strided layout of 4 bytes). "
        + "The part must lie within the array.")
    #expect(
      message { _ = try float.subarray(sizes: [3], subsizes: [3, 4], starts: [0, 2]) }
        == "layout-invalid: 1 sizes, 2 subsizes and 2 starts (a strided layout of 4 bytes). "
        + "Give one of each for every dimension.")
    #expect(
      message { _ = try float.resized(lowerBound: 1, extent: .max) }
        == "layout-invalid: \(Int.max) bytes from 1, more than an Int can count "
        + "(a strided layout of 4 bytes)" + remedy)
    for (count, stride) in [(2, Int.min), (2, Int.max), (3, Int.max / 2), (.max, 1)] {
      for block in [float, StridedBlock(byteCount: 0), StridedBlock(byteCount: 1 << 62)] {
        // Whatever is not refused can be asked everything.
        guard let far = try? block.hvector(count: count, blockLength: 1, byteStride: stride) else {
          continue
        }
        _ = (far.isPlainlyApart, far.sortedByStride(), far.fits(in: 5, at: .max))
      }
    }
    var deep = float
    #expect(
      message {
        for level in 1...40 {
          deep = try deep.hvector(count: 2, blockLength: 1, byteStride: level % 2 == 0 ? 1 : -7)
        }
      }
        == "layout-invalid: more than 32 levels (a strided layout of \(4 << 31) bytes). "
        + "Nest fewer layouts whose strides differ.")
  }
}
