// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

@Suite("All-gather")
struct AllGatherTests {
  @Test(
    "all ranks end with all values in rank order", arguments: [1, 2, 3, 5, 8],
    CodecKind.allCases)
  func everywhere(world: Int, kind: CodecKind) throws {
    let counts = (0..<world).map { ($0 * 37) % 100 }
    let codec = kind.codec()
    let parts = counts.map { sample($0, Seed(UInt64($0))) }
    var fabric = Fabric(
      (0..<world).map { rank in
        AllGather(
          rank: rank, values: parts[rank], counts: counts, codec: codec, seed: Seed(5),
          pieceElements: 16)
      }, order: Seed(UInt64(world)))
    try fabric.run()
    let first = try #require(fabric.machines[0].result)
    #expect(fabric.machines.allSatisfy { $0.result == first && $0.awaited.isEmpty })
    let bound = codec.errorBound(peak: 1)
    #expect(first.count == counts.reduce(0, +))
    #expect(zip(first, parts.flatMap(\.self)).allSatisfy { abs($0 - $1) <= bound })
  }

  @Test("a rank may only send its own values, each piece once")
  func refusals() throws {
    var machine = AllGather(
      rank: 0, values: [1], counts: [1, 1, 1], codec: Float32Codec(), seed: Seed(1))
    let chunk = Chunk(phase: .allGather, segment: 1, piece: 0, payload: [0, 0, 128, 63])
    #expect(throws: CollectiveError.self) { try machine.receive(chunk, from: 2) }
    _ = try machine.receive(chunk, from: 1)
    #expect(throws: CollectiveError.self) { try machine.receive(chunk, from: 1) }
    #expect(machine.awaited == [2])
  }
}
