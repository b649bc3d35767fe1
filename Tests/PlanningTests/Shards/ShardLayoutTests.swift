// SPDX-License-Identifier: Apache-2.0

import FerryPlanning
import Testing

@Suite("Shard layout")
struct ShardLayoutTests {
  @Test("each group owns the run between its members, in whole blocks, each part within the next")
  func covers() throws {
    for (sizes, count, block) in [([2, 4, 2], 1003, 8), ([3], 7, 1), ([2, 3, 1, 2], 5000, 64)] {
      let nest = try Nest(sizes)
      let layout = try ShardLayout(count: count, nest: nest, block: block)
      #expect(layout.paddedCount >= count && layout.paddedCount < count + block * nest.world)
      for rank in 0..<nest.world {
        for depth in 0...nest.levels {
          let own = layout.range(of: rank, at: depth)
          #expect(own.count % block == 0 && own.count == layout.length(at: depth))
          #expect(depth == 0 || layout.range(of: rank, at: depth - 1).contains(own))
          // What fellows own, one after the other.
          let parts = nest.fellows(of: rank, between: 0..<depth)
            .map { layout.range(of: $0, at: depth) }.sorted { $0.lowerBound < $1.lowerBound }
          #expect(parts.first?.lowerBound == 0 && parts.last?.upperBound == layout.paddedCount)
          #expect(
            zip(parts, parts.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        }
      }
    }
  }

  @Test("exact ranges are joined, and lie within the run")
  func exact() throws {
    let nest = try Nest([2])
    let layout = try ShardLayout(
      count: 20, nest: nest, exact: [9..<12, 3..<5, 5..<7, 10..<11, 0..<0])
    #expect(layout.exact == [3..<7, 9..<12])
    func what(_ count: Int, _ block: Int, _ exact: [Range<Int>]) -> String? {
      do {
        _ = try ShardLayout(count: count, nest: nest, block: block, exact: exact)
        return nil
      } catch { return "\(error)" }
    }
    #expect(
      what(20, 1, [15..<21])
        == "shards-out-of-range: the exact range 15..<21 of 20 parameters (the layout of shards). "
        + "Name ranges that lie within the run.")
    #expect(
      what(0, 1, [])
        == "shards-out-of-range: 0 parameters in blocks of 1 (the layout of shards). Give 1 to "
        + "281474976710656 parameters, and blocks of 1 to 1048576.")
    #expect(what(5, 0, []) != nil)
  }
}
