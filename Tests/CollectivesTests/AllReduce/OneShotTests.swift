// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import Testing

@Suite("One-shot")
struct OneShotTests {
  private func machine(rank: Int, codec: any Codec = Float32Codec()) throws -> OneShot {
    OneShot(
      [1, 2, 3],
      in: try Reduction(
        rank: rank, weights: [2, 1, 0], codec: codec, operation: .sum, seed: Seed(1),
        pieceElements: 2))
  }

  private func chunk(
    _ piece: Int, _ payload: [UInt8], phase: Chunk.Phase = .reduceScatter, segment: Int = 0
  ) -> Chunk { Chunk(phase: phase, segment: segment, piece: piece, payload: payload) }

  @Test("what a rank sends does not depend on the weights")
  func weightless() throws {
    for codec in CodecKind.allCases {
      let sent = try [[2.0, 1, 0], [1, 1, 1], [1, 0.25, 9]].map { weights in
        var machine = OneShot(
          [1, 2, 3],
          in: try Reduction(
            rank: 1, weights: weights, codec: codec.codec(), operation: .mean, seed: Seed(1)))
        return try machine.start()
      }
      #expect(sent[0] == sent[1] && sent[1] == sent[2] && sent[0].map(\.rank) == [2, 0])
    }
  }

  @Test("adds up in rank order, each by its weight; a rank of weight 0 listens")
  func sum() throws {
    var listener = try machine(rank: 2)
    #expect(try listener.start() == [])
    #expect(listener.awaited == [0, 1])
    var (first, second) = (try machine(rank: 0), try machine(rank: 1))
    for message in try second.start() where message.rank == 2 {
      #expect(try listener.receive(message.chunk, from: 1) == [])
    }
    #expect(listener.awaited == [0] && !listener.isDone)
    for message in try first.start() where message.rank == 2 {
      _ = try listener.receive(message.chunk, from: 0)
    }
    #expect(listener.result == [3, 6, 9] && listener.awaited.isEmpty)
  }

  @Test("refuses lies by name, and is as it was")
  func refusals() throws {
    var machine = try machine(rank: 0, codec: BFloat16Codec())
    _ = try machine.start()
    let one: [UInt8] = [0x80, 0x3f, 0x80, 0x3f]
    _ = try machine.receive(chunk(0, one), from: 1)
    let lies: [(Chunk, Int, CollectiveError.Code)] = [
      (chunk(1, [0x80, 0x3f], phase: .allGather), 1, .unexpectedChunk),
      (chunk(1, [0x80, 0x3f], segment: 1), 1, .unexpectedChunk),
      (chunk(2, [0x80, 0x3f]), 1, .unexpectedChunk),
      (chunk(1, [0x80]), 1, .wrongLength),
      (chunk(1, [0x80, 0x7f]), 1, .malformedPayload),
      (chunk(1, [0x80, 0x3f]), 0, .wrongSender),
      (chunk(1, [0x80, 0x3f]), 2, .wrongSender),
      (chunk(1, [0x80, 0x3f]), 7, .wrongSender),
      (chunk(0, one), 1, .duplicateChunk),
    ]
    for (chunk, rank, code) in lies {
      let error = #expect(throws: CollectiveError.self) { try machine.receive(chunk, from: rank) }
      #expect(error?.code == code && error?.culprit == rank)
      #expect(!machine.isDone)
    }
    _ = try machine.receive(chunk(1, [0x80, 0x3f]), from: 1)
    #expect(machine.result == [3, 5, 7])
  }
}
