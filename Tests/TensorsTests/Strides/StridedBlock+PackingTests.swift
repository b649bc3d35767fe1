// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Testing

@Suite("StridedBlock: packing")
struct StridedBlockPackingTests {
  @Test("10,000 nested layouts pack and unpack as a walk byte by byte, in every build")
  func randomLayouts() throws {
    var chance = SplitMix64(Seed(5))
    var overlapping = 0
    for number in 0..<StridedBlockTests.layouts {
      let layout = NestedLayout.random(depth: 1 + number % 4, &chance)
      try check(try layout.block(), walk: layout.walk().offsets, &chance, "\(layout)")
      overlapping += try layout.block().isPlainlyApart ? 0 : 1
    }
    #expect(overlapping > 200)
  }

  @Test("blocks of every length up to 600 bytes, up and down, apart and overlapping")
  func blockLengths() throws {
    var chance = SplitMix64(Seed(6))
    for length in Array(1...70) + [127, 128, 129, 255, 256, 511, 512, 513, 600] {
      for gap in [1, 7, 64, -length / 2, -2 * length - 3] {
        let row = try StridedBlock(byteCount: length)
          .hvector(count: 5, blockLength: 1, byteStride: length + gap)
        let walk = (0..<5).flatMap { i in (0..<length).map { i * (length + gap) + $0 } }
        try check(row, walk: walk, &chance, "\(length) and \(gap)")
        let rows = try row.hvector(count: 3, blockLength: 1, byteStride: 11 * length + 3)
        let all = (0..<3).flatMap { i in walk.map { i * (11 * length + 3) + $0 } }
        try check(rows, walk: all, &chance, "rows of \(length) and \(gap)")
      }
    }
  }

  private func check(
    _ block: StridedBlock, walk: [Int], _ chance: inout SplitMix64, _ name: String
  ) throws {
    // Memory that just fits, and begins at any place.
    let origin = Int.random(in: 0...3, using: &chance) - min(0, walk.min() ?? 0)
    let size = origin + (walk.max() ?? 0) + 1
    let memory = (0..<size).map { _ in UInt8.random(in: 0...255, using: &chance) }
    let expected = walk.map { memory[origin + $0] }
    let packed = walk.indices.map { _ in UInt8.random(in: 0...255, using: &chance) }
    var unpacked = memory
    for (place, offset) in walk.enumerated() { unpacked[origin + offset] = packed[place] }
    for build in KernelBuild.allCases {
      try #require(pack(block, memory, origin, build) == expected, "\(name), \(build)")
      try #require(unpack(block, packed, memory, origin, build) == unpacked, "\(name), \(build)")
    }
  }

  private func pack(
    _ block: StridedBlock, _ memory: [UInt8], _ origin: Int, _ build: KernelBuild
  ) -> [UInt8] {
    var result = [UInt8](repeating: 0xaa, count: block.byteCount)
    var view = result.mutableSpan
    block.pack(memory.span.elementBytes, at: origin, into: &view, build: build)
    return result
  }

  private func unpack(
    _ block: StridedBlock, _ packed: [UInt8], _ memory: [UInt8], _ origin: Int,
    _ build: KernelBuild
  ) -> [UInt8] {
    var target = memory
    var view = target.mutableSpan
    block.unpack(packed.span.elementBytes, into: &view, at: origin, build: build)
    return target
  }

  @Test("says whether it fits")
  func fits() throws {
    let down = try StridedBlock(.f32).vector(count: 3, blockLength: 1, stride: -2)
    #expect(down.footprint == -16..<4)
    #expect(down.fits(in: 20, at: 16) && !down.fits(in: 19, at: 16) && !down.fits(in: 99, at: 15))
    #expect(!down.fits(in: .max, at: .max) && !down.fits(in: .max, at: .min))
    #expect(StridedBlock(byteCount: 0).fits(in: 0, at: .min))
  }

  @Test func stopsAtMemoryThatIsTooSmall() async {
    await #expect(processExitsWith: .failure) {
      var packed = [UInt8](repeating: 0, count: 8)
      var view = packed.mutableSpan
      let block = try StridedBlock(.f32).vector(count: 2, blockLength: 1, stride: 2)
      block.pack(([1, 2, 3] as [Float]).span.elementBytes, at: 1, into: &view)
    }
  }
}
