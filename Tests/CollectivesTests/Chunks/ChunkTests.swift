// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import Testing

@Suite("Chunk")
struct ChunkTests {
  @Test("comes back from its wire form", arguments: Chunk.Phase.allCases)
  func roundTrip(phase: Chunk.Phase) throws {
    for payload in [[], [7], [UInt8](repeating: 3, count: 1000)] {
      let chunk = Chunk(phase: phase, segment: 4_294_967_295, piece: 65_536, payload: payload)
      #expect(chunk.encoded().count == Chunk.headerByteCount + payload.count)
      let back = try Chunk(decoding: chunk.encoded())
      #expect(back == chunk && Array(back.payload) == payload)
      #expect(back.payloadByteCount == payload.count)
    }
  }

  @Test("stands behind its carrier's header, and is the same chunk without it")
  func prefix() throws {
    let plain = Chunk(phase: .allGather, segment: 1, piece: 2, payload: [1, 2, 3])
    let carried = Chunk(
      phase: .allGather, segment: 1, piece: 2, prefix: [9, 8], payloadByteCount: 3
    ) { payload in for i in payload.indices { payload[i] = UInt8(i + 1) } }
    #expect(carried == plain && carried.encoded() == plain.encoded())
    #expect(carried.bytes == [9, 8] + plain.encoded())
    let back = try Chunk(decoding: carried.bytes, after: 2)
    #expect(back == plain && back.bytes == carried.bytes)
  }

  @Test("bytes that are no chunk are refused")
  func malformed() {
    let good = Chunk(phase: .allGather, segment: 1, piece: 2, payload: [1, 2, 3]).encoded()
    for count in 0..<good.count {
      #expect(throws: MalformedMessage.self) { try Chunk(decoding: Array(good.prefix(count))) }
    }
    #expect(throws: MalformedMessage.self) { try Chunk(decoding: good + [0]) }
    for (place, byte) in [(0, 9), (1, 1), (3, 1), (12, 4), (15, 255)] as [(Int, UInt8)] {
      var bad = good
      bad[place] = byte
      #expect(throws: MalformedMessage.self) { try Chunk(decoding: bad) }
    }
  }
}
