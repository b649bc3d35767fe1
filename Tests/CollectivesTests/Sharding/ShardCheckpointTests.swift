// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPlanning
import Testing

@Suite("Shard checkpoint")
struct ShardCheckpointTests {
  private func part(_ range: Range<Int>, _ steps: Int) -> ShardCheckpoint {
    let values = range.map { Float($0) + 0.5 }
    return ShardCheckpoint(
      range: range, steps: steps, parameters: values,
      state: [("first", values.map { -$0 }), ("second", values)])
  }

  @Test("it comes back from its bytes, and not from fewer, more or impossible ones")
  func coding() throws {
    let bytes = part(7..<19, 4).encoded()
    let back = try ShardCheckpoint(decoding: bytes)
    #expect(
      back.range == 7..<19 && back.steps == 4 && back.state.map(\.name) == ["first", "second"])
    #expect(back.parameters == part(7..<19, 4).parameters && back.encoded() == bytes)
    for length in 0..<bytes.count {
      #expect(throws: MalformedMessage.self) {
        try ShardCheckpoint(decoding: Array(bytes.prefix(length)))
      }
    }
    #expect(throws: MalformedMessage.self) { try ShardCheckpoint(decoding: bytes + [0]) }
    var huge = bytes
    huge.replaceSubrange(8..<16, with: [UInt8](repeating: 255, count: 8))
    let error = #expect(throws: MalformedMessage.self) { try ShardCheckpoint(decoding: huge) }
    #expect(error?.what == "18446744073709551615 is above 281474976710656")
  }

  @Test("the newest step whose parts cover the run is found, in any order and with copies")
  func newest() {
    let old = [part(0..<5, 3), part(5..<9, 3), part(9..<12, 3)]
    let new = [part(0..<5, 4), part(9..<12, 4)]
    #expect(ShardCheckpoint.newest(of: new + old, covering: 12)?.map(\.steps) == [3, 3, 3])
    let whole = new + [part(4..<10, 4)] + old
    #expect(ShardCheckpoint.newest(of: whole.reversed(), covering: 12)?.map(\.steps) == [4, 4, 4])
    #expect(ShardCheckpoint.newest(of: new, covering: 12) == nil)
    #expect(ShardCheckpoint.newest(of: [], covering: 1) == nil)
  }

  @Test("only neighbors that are lost together leave a hole")
  func copies() throws {
    let nest = try Nest([2, 2, 3])
    let layout = try ShardLayout(count: 500, nest: nest, block: 4)
    let scheme = ShardScheme(.nested, over: nest)
    let parts = try ShardCrew.run(nest.world) { fabric in
      var member = try ShardMember(
        scheme, layout: layout, rank: fabric.rank, parameters: sample(500, Seed(1)), seed: Seed(2),
        copies: .neighbor
      ) { ToyAdam(count: $0.count) }
      for step in 0..<3 { try ShardMemberTests.advance(&member, step, fabric) }
      return member.parts
    }
    #expect(parts.allSatisfy { $0.map(\.steps) == [3, 2, 2, 3] })
    for lost in 0..<nest.world {
      for other in 0..<nest.world {
        let left = parts.indices.filter { $0 != lost && $0 != other }.flatMap { parts[$0] }
        let newest = ShardCheckpoint.newest(of: left, covering: 500)
        // The next or the one before across the outermost level.
        let areNeighbors = lost != other && (lost - other) % 4 == 0
        #expect((newest == nil) == areNeighbors, "\(lost), \(other)")
        #expect(newest == nil || newest?.first?.steps == 3)
      }
    }
  }
}
