// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

@Suite("Ring")
struct RingTests {
  /// Rank 1 of three, each with six values: segments of two, pieces of one.
  private func ring(codec: any Codec = Float32Codec()) throws -> Ring {
    Ring(
      [1, 2, 3, 4, 5, 6],
      in: try Reduction(
        rank: 1, weights: [1, 1, 1], codec: codec, operation: .sum, seed: Seed(1),
        pieceElements: 1))
  }

  private func chunk(
    _ phase: Chunk.Phase, _ segment: Int, _ piece: Int, _ payload: [UInt8] = [0, 0, 128, 63]
  ) -> Chunk { Chunk(phase: phase, segment: segment, piece: piece, payload: payload) }

  @Test("starts with the segment of the rank before, and adds what comes")
  func steps() throws {
    var ring = try ring()
    #expect(
      try ring.start() == [
        Outgoing(to: 2, chunk(.reduceScatter, 0, 0)),
        Outgoing(to: 2, chunk(.reduceScatter, 0, 1, [0, 0, 0, 64])),
      ])
    // 5 + 1 goes on as 6; 3 + 1 is the result of this rank's own segment.
    #expect(
      try ring.receive(chunk(.reduceScatter, 2, 0), from: 0)
        == [Outgoing(to: 2, chunk(.reduceScatter, 2, 0, [0, 0, 192, 64]))])
    #expect(
      try ring.receive(chunk(.reduceScatter, 1, 0), from: 0)
        == [Outgoing(to: 2, chunk(.allGather, 1, 0, [0, 0, 128, 64]))])
    #expect(ring.awaited == [0])
    #expect(ring.result == nil)
  }

  @Test("refuses lies by name, and is as it was")
  func refusals() throws {
    var ring = try ring()
    _ = try ring.start()
    _ = try ring.receive(chunk(.reduceScatter, 2, 0), from: 0)
    let lies: [(Chunk, Int, String)] = [
      (
        chunk(.reduceScatter, 1, 0), 2,
        "wrong-sender: rank 1 listens to rank 0 only (rank 2, reduce-scatter, segment 1, piece 0)"
      ),
      (
        chunk(.reduceScatter, 2, 0), 0,
        "duplicate-chunk: this piece was added before (rank 0, reduce-scatter, segment 2, piece 0)"
      ),
      (
        chunk(.reduceScatter, 0, 0), 0,
        "unexpected-chunk: this segment's sum does not come that way "
          + "(rank 0, reduce-scatter, segment 0, piece 0)"
      ),
      (
        chunk(.reduceScatter, 1, 2), 0,
        "unexpected-chunk: there is no such piece among 6 in 3 segments "
          + "(rank 0, reduce-scatter, segment 1, piece 2)"
      ),
      (
        chunk(.reduceScatter, 4_000_000_000, 0), 0,
        "unexpected-chunk: there is no such piece among 6 in 3 segments "
          + "(rank 0, reduce-scatter, segment 4000000000, piece 0)"
      ),
      (
        chunk(.reduceScatter, 1, 0, [1, 2, 3]), 0,
        "wrong-length: 3 bytes, and 1 values take 4 (rank 0, reduce-scatter, segment 1, piece 0)"
      ),
      (
        chunk(.allGather, 2, 1), 0,
        "unexpected-chunk: a result before this rank's part was sent "
          + "(rank 0, all-gather, segment 2, piece 1)"
      ),
      (
        chunk(.allGather, 1, 1), 0,
        "unexpected-chunk: this segment's result is made here "
          + "(rank 0, all-gather, segment 1, piece 1)"
      ),
      (
        chunk(.broadcast, 1, 1), 0,
        "unexpected-chunk: an all-reduce has no such phase (rank 0, broadcast, segment 1, piece 1)"
      ),
    ]
    for (chunk, rank, message) in lies {
      let error = #expect(throws: CollectiveError.self) { try ring.receive(chunk, from: rank) }
      #expect(
        error?.description
          == message + ". The sender is broken or lying; the round goes on without it.")
      #expect(error?.culprit == rank)
    }
    // The honest rest still completes it.
    _ = try ring.receive(chunk(.reduceScatter, 2, 1), from: 0)
    _ = try ring.receive(chunk(.reduceScatter, 1, 0), from: 0)
    _ = try ring.receive(chunk(.reduceScatter, 1, 1), from: 0)
    for (segment, piece) in [(0, 0), (0, 1), (2, 0), (2, 1)] {
      _ = try ring.receive(chunk(.allGather, segment, piece), from: 0)
    }
    #expect(ring.result == [1, 1, 4, 5, 1, 1])
    #expect(throws: CollectiveError.self) { try ring.receive(chunk(.allGather, 0, 0), from: 0) }
  }

  @Test("values that the codec cannot carry are this rank's own error")
  func notEncodable() throws {
    var ring = Ring(
      [1, .nan],
      in: try Reduction(
        rank: 0, weights: [1, 1], codec: Int8Codec(), operation: .sum, seed: Seed(1)))
    let error = #expect(throws: CollectiveError.self) { try ring.start() }
    #expect(error?.code == .notEncodable)
    #expect(error?.culprit == nil)
  }
}
