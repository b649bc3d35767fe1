// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

@Suite("Broadcast")
struct BroadcastTests {
  @Test(
    "all ranks end with the root's values, the root with what the others decode",
    arguments: [1, 2, 3, 5, 8], CodecKind.allCases)
  func everywhere(world: Int, kind: CodecKind) throws {
    for root in [0, world - 1] {
      for count in [0, 1, 30, 1000] {
        let values = sample(count, Seed(UInt64(count)))
        let codec = kind.codec()
        var fabric = Fabric(
          (0..<world).map { rank in
            Broadcast(
              rank: rank, root: root, world: world,
              values: rank == root ? values : Array(repeating: 0, count: count), codec: codec,
              seed: Seed(5), pieceElements: 64)
          }, order: Seed(UInt64(world)))
        try fabric.run()
        let first = try #require(fabric.machines[0].result)
        #expect(fabric.machines.allSatisfy { $0.result == first && $0.awaited.isEmpty })
        let bound = codec.errorBound(peak: 1)
        #expect(zip(first, values).allSatisfy { abs($0 - $1) <= bound })
        // A chain: nobody sends more than the vector once.
        if count == 1000 {
          #expect(fabric.bytesSent.max()! <= codec.byteCount(for: 64) * 16)
        }
      }
    }
  }

  @Test("only the rank before may send, and each piece once")
  func refusals() throws {
    var machine = Broadcast(
      rank: 2, root: 0, world: 4, values: [0, 0], codec: Float32Codec(), seed: Seed(1),
      pieceElements: 1)
    let chunk = Chunk(phase: .broadcast, segment: 0, piece: 0, payload: [0, 0, 128, 63])
    #expect(throws: CollectiveError.self) { try machine.receive(chunk, from: 3) }
    #expect(try machine.receive(chunk, from: 1) == [Outgoing(to: 3, chunk)])
    let error = #expect(throws: CollectiveError.self) { try machine.receive(chunk, from: 1) }
    #expect(error?.code == .duplicateChunk)
    #expect(machine.awaited == [1])
  }
}
