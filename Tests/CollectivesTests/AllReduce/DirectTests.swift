// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

@Suite("Direct")
struct DirectTests {
  /// Rank 1 of four, rank 3 with weight 0; eight values, segments of two, pieces of one.
  private func direct() throws -> Direct {
    Direct(
      [1, 2, 3, 4, 5, 6, 7, 8],
      in: try Reduction(
        rank: 1, weights: [1, 1, 1, 0], codec: Float32Codec(), operation: .sum, seed: Seed(1),
        pieceElements: 1))
  }

  private func chunk(
    _ phase: Chunk.Phase, _ segment: Int, _ piece: Int, _ payload: [UInt8] = [0, 0, 128, 63]
  ) -> Chunk { Chunk(phase: phase, segment: segment, piece: piece, payload: payload) }

  @Test("a contribution before its turn waits; the last one completes the piece")
  func order() throws {
    var direct = try direct()
    #expect(try direct.start().count == 6)
    #expect(try direct.receive(chunk(.reduceScatter, 1, 0), from: 2) == [])
    #expect(direct.awaited == [0, 2, 3])
    let outgoing = try direct.receive(chunk(.reduceScatter, 1, 0), from: 0)
    #expect(outgoing.map(\.rank) == [2, 3, 0])
    #expect(outgoing.allSatisfy { $0.chunk == chunk(.allGather, 1, 0, [0, 0, 160, 64]) })
  }

  @Test("refuses lies by name, and is as it was")
  func refusals() throws {
    var direct = try direct()
    #expect(throws: CollectiveError.self) { try direct.receive(chunk(.allGather, 0, 0), from: 0) }
    _ = try direct.start()
    _ = try direct.receive(chunk(.reduceScatter, 1, 0), from: 2)
    let lies: [(Chunk, Int, String)] = [
      (
        chunk(.reduceScatter, 1, 0), 3,
        "wrong-sender: this rank has nothing to contribute "
          + "(rank 3, reduce-scatter, segment 1, piece 0)"
      ),
      (
        chunk(.reduceScatter, 1, 0), -1,
        "wrong-sender: this rank has nothing to contribute "
          + "(rank -1, reduce-scatter, segment 1, piece 0)"
      ),
      (
        chunk(.reduceScatter, 1, 0), 1,
        "wrong-sender: this rank has nothing to contribute "
          + "(rank 1, reduce-scatter, segment 1, piece 0)"
      ),
      (
        chunk(.reduceScatter, 1, 0), 2,
        "duplicate-chunk: this rank's part was taken before "
          + "(rank 2, reduce-scatter, segment 1, piece 0)"
      ),
      (
        chunk(.reduceScatter, 2, 0), 0,
        "unexpected-chunk: rank 1 sums segment 1 only "
          + "(rank 0, reduce-scatter, segment 2, piece 0)"
      ),
      (
        chunk(.allGather, 2, 0), 0,
        "wrong-sender: the result of segment 2 comes from rank 2 "
          + "(rank 0, all-gather, segment 2, piece 0)"
      ),
      (
        chunk(.allGather, 0, 0, [0]), 0,
        "wrong-length: 1 bytes, and 1 values take 4 (rank 0, all-gather, segment 0, piece 0)"
      ),
    ]
    for (chunk, rank, message) in lies {
      let error = #expect(throws: CollectiveError.self) { try direct.receive(chunk, from: rank) }
      #expect(
        error?.description
          == message + ". The sender is broken or lying; the round goes on without it.")
    }
    // 3 + 1 + 1 and 4 + 1 + 1: nothing was added twice.
    _ = try direct.receive(chunk(.reduceScatter, 1, 0), from: 0)
    for rank in [2, 0] { _ = try direct.receive(chunk(.reduceScatter, 1, 1), from: rank) }
    for rank in [0, 2, 3] {
      for piece in 0..<2 { _ = try direct.receive(chunk(.allGather, rank, piece), from: rank) }
    }
    #expect(direct.result == [1, 1, 5, 6, 1, 1, 1, 1])
  }

  @Test("a payload that does not decode is refused when it comes, not when its turn comes")
  func malformed() throws {
    let codec = Int8Codec(block: 4)
    var direct = Direct(
      [1, 2, 3, 4],
      in: try Reduction(
        rank: 0, weights: [1, 1, 1], codec: codec, operation: .sum, seed: Seed(1)))
    _ = try direct.start()
    let bad = [UInt8](repeating: 0xff, count: codec.byteCount(for: 2))
    let error = #expect(throws: CollectiveError.self) {
      try direct.receive(chunk(.reduceScatter, 0, 0, bad), from: 2)
    }
    #expect(error?.code == .malformedPayload)
    #expect(error?.culprit == 2)
  }
}
