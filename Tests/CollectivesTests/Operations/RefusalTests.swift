// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryTensors
import Testing

/// Every machine refuses every kind of bad chunk, at any moment, and is as it was.
@Suite("Refusals of machines")
struct RefusalTests {
  /// Before each honest chunk its receiver is told lies about it, and after it hears it once more.
  @Test("lies are refused by name and change nothing", arguments: Operation.Kind.allCases)
  func lies(kind: Operation.Kind) throws {
    for way in Operation(kind).ways {
      for (type, codec) in [(ElementType.bool, CodecKind.float32), (.f32, .int8)] {
        // Every other rank without a weight: some then pass on what they add nothing to.
        for (world, isHalf) in [(2, false), (4, false), (5, false), (5, true)] {
          let seed = Seed(UInt64(world))
          var operation = Operation(kind, algorithm: way, codec: codec, elementType: type)
          operation.topology.islands = [[Array(0..<world - 1), [world - 1]]]
          var trial = Trial(operation, world: world, count: 30, seed: seed)
          if isHalf, [.allReduce, .reduceScatter].contains(kind) {
            trial.weights = (0..<world).map { Double($0 % 2) }
          }
          var honest = Fabric(try trial.machines(pieceElements: 4), order: seed)
          try honest.run()
          var fabric = Fabric(try trial.machines(pieceElements: 4), order: seed)
          var told = 0
          try fabric.run { delivery, machine in
            for (chunk, rank, code) in Self.lies(about: delivery, world, codec) {
              let error = #expect(throws: CollectiveError.self, "\(way) \(chunk)") {
                try machine.receive(chunk, from: rank)
              }
              #expect(error?.culprit == rank)
              if let code { #expect(error?.code == code, "\(way), \(delivery): \(chunk)") }
              told += 1
            }
          } after: { delivery, machine in
            let error = #expect(throws: CollectiveError.self) {
              try machine.receive(delivery.chunk, from: delivery.from)
            }
            #expect(error?.code == .duplicateChunk, "\(way)")
          }
          #expect(told > 0 || kind == .send)
          let outputs = fabric.machines.map { $0.output?.bytes }
          #expect(outputs == honest.machines.map { $0.output?.bytes }, "\(way)")
        }
      }
    }
  }

  /// Nil stands for any code: which it is depends on how far the machine is.
  private static func lies(
    about delivery: Fabric.Delivery, _ world: Int, _ codec: CodecKind
  ) -> [(Chunk, Int, CollectiveError.Code?)] {
    let (chunk, from) = (delivery.chunk, delivery.from)
    let payload = Array(chunk.payload)
    func altered(
      phase: Chunk.Phase? = nil, segment: Int? = nil, piece: Int? = nil, payload: [UInt8]? = nil
    ) -> Chunk {
      Chunk(
        phase: phase ?? chunk.phase, segment: segment ?? chunk.segment,
        piece: piece ?? chunk.piece, payload: payload ?? Array(chunk.payload))
    }
    var lies: [(Chunk, Int, CollectiveError.Code?)] = [
      (altered(segment: 4_000_000_000), from, .unexpectedChunk),
      (altered(piece: 4_000_000_000), from, .unexpectedChunk),
      (altered(payload: payload + [0]), from, .wrongLength),
      (chunk, delivery.to, .wrongSender), (chunk, -1, .wrongSender), (chunk, world, .wrongSender),
    ]
    for phase in Chunk.Phase.allCases where phase != chunk.phase {
      lies.append((altered(phase: phase), from, nil))
    }
    if !payload.isEmpty {
      lies.append((altered(payload: Array(payload.dropLast())), from, .wrongLength))
      // No flag, and no step of an int8 block.
      let bad = [UInt8](repeating: 0xff, count: payload.count)
      lies.append((altered(payload: bad), from, .malformedPayload))
    }
    return lies
  }

  @Test("says what was wrong with a chunk, and with whose")
  func messages() throws {
    func machine(
      _ way: AllReduceAlgorithm, weights: [Double] = [1, 1, 1]
    ) throws -> any CollectiveMachine {
      var machine = try Operation(.allReduce, algorithm: way).machine(
        rank: 1, weights: weights, input: .f32([1, 2, 3, 4, 5, 6]),
        counts: [[6], [6], [6]], seed: Seed(1), pieceElements: 1)
      _ = try machine.start()
      return machine
    }
    func message(
      _ machine: any CollectiveMachine, _ phase: Chunk.Phase, _ segment: Int, _ piece: Int,
      _ payload: [UInt8] = [0, 0, 128, 63], from rank: Int
    ) -> String {
      var machine = machine
      let chunk = Chunk(phase: phase, segment: segment, piece: piece, payload: payload)
      let error = #expect(throws: CollectiveError.self) { try machine.receive(chunk, from: rank) }
      return error?.description ?? ""
    }
    let end = ". The sender is broken or lying; the round goes on without it."
    let ring = try machine(.ring)
    #expect(
      message(ring, .reduceScatter, 1, 0, from: 2)
        == "wrong-sender: this rank adds nothing of it that rank 2 sends "
        + "(rank 2, reduce-scatter, segment 1, piece 0)" + end)
    #expect(
      message(ring, .allGather, 2, 1, from: 0)
        == "unexpected-chunk: a result before this rank's part was sent "
        + "(rank 0, all-gather, segment 2, piece 1)" + end)
    #expect(
      message(ring, .allGather, 1, 1, from: 0)
        == "wrong-sender: its finished values do not come from rank 0 "
        + "(rank 0, all-gather, segment 1, piece 1)" + end)
    #expect(
      message(ring, .broadcast, 1, 1, from: 0)
        == "unexpected-chunk: this operation has no such phase "
        + "(rank 0, broadcast, segment 1, piece 1)" + end)
    #expect(
      message(ring, .reduceScatter, 1, 2, from: 0)
        == "unexpected-chunk: no such piece comes to this rank "
        + "(rank 0, reduce-scatter, segment 1, piece 2)" + end)
    #expect(
      message(ring, .reduceScatter, 1, 0, [1, 2, 3], from: 0)
        == "wrong-length: 3 bytes, and 1 values take 4 "
        + "(rank 0, reduce-scatter, segment 1, piece 0)" + end)
    #expect(
      message(try machine(.oneShot, weights: [0, 1, 1]), .reduceScatter, 0, 0, from: 0)
        == "wrong-sender: this rank has nothing to contribute "
        + "(rank 0, reduce-scatter, segment 0, piece 0)" + end)
    #expect(
      message(try machine(.halvingDoubling), .allGather, 9, 0, from: 0)
        == "unexpected-chunk: no such stage has anything to receive "
        + "(rank 0, all-gather, segment 9, piece 0)" + end)
  }

  @Test("values that the codec cannot carry are this rank's own error")
  func notEncodable() throws {
    for way in Operation(.allReduce).ways {
      var machine = try Operation(.allReduce, algorithm: way, codec: .int8).machine(
        rank: 1, input: .f32([.nan, .nan]), counts: [[2], [2]], seed: Seed(1))
      let error = #expect(throws: CollectiveError.self, "\(way)") { try machine.start() }
      #expect(error?.code == .notEncodable, "\(way)")
      #expect(error?.culprit == nil)
    }
  }

  @Test("counts that do not fit name the rank")
  func counts() {
    func message(
      _ kind: Operation.Kind, _ counts: [[Int]], input: Values = .f32([1]), root: Int? = 0,
      algorithm: AllReduceAlgorithm = .automatic, weights: [Double] = []
    ) -> String {
      let error = #expect(throws: CollectiveError.self) {
        try Operation(kind, algorithm: algorithm, root: root, destination: 0).machine(
          rank: 0, weights: weights, input: input, counts: counts, seed: Seed(1))
      }
      return error?.what ?? ""
    }
    #expect(message(.allReduce, [[1], [2]]) == "rank 1 gives 2 values, and rank 0 1")
    #expect(
      message(.allReduce, [[1], [1, 1]]) == "rank 1 gives 1, 1 values, and one count is needed")
    #expect(message(.allReduce, [[2], [2]]) == "rank 0 has 1 values to give, not 2")
    #expect(message(.allReduce, [[1], [1]], input: .i8([1])) == "rank 0 has I8, not F32")
    #expect(
      message(.reduceScatter, [[1], [1, 0]]) == "rank 1 gives 1, 0 values, and rank 0 1")
    #expect(message(.allGather, [[1], []]) == "rank 1 gives no values, and one count is needed")
    #expect(message(.broadcast, [[1], [2]]) == "rank 1 gives 2 values, and the root, rank 0, 1")
    #expect(message(.scatter, [[1], []]) == "rank 0 gives 1 values, and 2 counts are needed")
    #expect(message(.send, [[1], [1]]) == "rank 1 gives 1 values, and only rank 0 sends")
    #expect(message(.allToAll, [[1, 0], [1]]) == "rank 1 gives 1 values, and 2 counts are needed")
    #expect(message(.barrier, [[], [1]]) == "rank 1 gives 1 values, and a barrier has none")
    #expect(message(.gather, [[1], [-1]]) == "rank 1 gives -1 values")
    #expect(message(.gather, [[1], [1 << 40]]) == "rank 1 gives 1099511627776 values")
    #expect(message(.gather, [[1], [1]], root: 2) == "there is no rank 2 among 2")
    #expect(message(.gather, [[1], [1]], root: nil) == "it is not said from whom, or to whom")
    #expect(message(.gather, [[1], [1]], algorithm: .ring) == "there is no such way: ring")
    #expect(
      message(.allReduce, [[1], [1]], weights: [1]) == "1 ranks have a weight, of 2")
  }
}
