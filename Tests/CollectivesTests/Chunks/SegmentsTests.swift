// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

@Suite("Pieces")
struct PiecesTests {
  /// How many chunks rank 0 sends unasked of an all-reduce of so many bytes among four, and the longest.
  private func pieces(
    _ way: AllReduceAlgorithm, _ bytes: Int, areLinksFast: Bool = false
  ) throws -> (count: Int, longest: Int) {
    var machine = way.machine(
      [Float](repeating: 1, count: bytes / 4),
      in: try Reduction(
        rank: 0, weights: [1, 1, 1, 1], codec: Float32Codec(), operation: .sum, seed: Seed(1),
        topology: Topology(areLinksFast: areLinksFast)))
    let outgoing = try machine.start().filter { $0.rank == 1 }
    return (outgoing.count, outgoing.map(\.chunk.payloadByteCount).max() ?? 0)
  }

  @Test("a segment is cut in some pieces, none shorter than a message costs or longer than a cache")
  func lengths() throws {
    #expect(try pieces(.direct, 4096) == (1, 1024))
    #expect(try pieces(.direct, 64 << 10) == (1, 16 << 10))
    #expect(try pieces(.direct, 256 << 10) == (2, 32 << 10))
    #expect(try pieces(.direct, 1 << 20) == (4, 64 << 10))
    #expect(try pieces(.ring, 2 << 20) == (4, 128 << 10))
    #expect(try pieces(.ring, 64 << 20) == (128, 128 << 10))
    #expect(try pieces(.ring, 64 << 20, areLinksFast: true) == (2, 512 << 10))
    #expect(try pieces(.ring, 2 << 20, areLinksFast: true) == (2, 128 << 10))
    #expect(try pieces(.star, 1 << 20).count == 0)
  }
}
