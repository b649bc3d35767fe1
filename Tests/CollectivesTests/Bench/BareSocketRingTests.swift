// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryTensors
import Foundation
import Testing

/// Tiny by default, so that it does not rot; `FERRY_BENCH=1` for figures.
@Suite("Collective benchmarks", .serialized)
struct BareSocketRingTests {
  private static let isBench = ProcessInfo.processInfo.environment["FERRY_BENCH"] != nil

  @Test("the floor sums what it should", arguments: [2, 3, 4])
  func floor(ranks: Int) throws {
    for bytes in [0, 4, 4096, 3_000_004] {
      let timing = try BareSocketRing.measure(ranks: ranks, bytes: bytes, iterations: 3)
      #expect(timing.durations.count == 3)
    }
  }

  /// What the machines of all ranks take, one after another on one core, without any link, against
  /// copying their bytes.
  @Test("the machines' own work", arguments: AllReduceAlgorithm.allCases)
  func work(algorithm: AllReduceAlgorithm) throws {
    for bytes in Self.isBench ? [4096, 1 << 20, 64 << 20] : [4096] {
      for kind in [CodecKind.float32, .int8] {
        let values = (0..<4).map { sample(bytes / 4, Seed(UInt64($0))) }
        let turns = Self.isBench ? max(3, min(1000, (64 << 20) / bytes)) : 1
        let clock = ContinuousClock()
        var (best, chunks) = (Duration.seconds(1000), 0)
        for _ in 0..<turns {
          let time = try clock.measure { chunks = try run(algorithm, values, kind.codec()) }
          best = min(best, time)
        }
        guard Self.isBench else { continue }
        let first = values[0]
        let floor = (0..<turns).map { _ in
          clock.measure { _ = Buffer<Float>(copying: first.span).count }
        }.min()!
        print(
          "\(algorithm.rawValue) \(kind.rawValue), \(bytes) bytes, 4 ranks on one core: \(best) in"
            + " \(chunks) chunks; one copy of one vector \(floor); best of \(turns)")
      }
    }
  }

  /// Runs one all-reduce, and says how many chunks there were.
  private func run(
    _ algorithm: AllReduceAlgorithm, _ values: [[Float]], _ codec: any Codec
  ) throws -> Int {
    var machines = try values.indices.map { rank in
      algorithm.machine(
        values[rank],
        in: try Reduction(
          rank: rank, weights: [1, 1, 1, 1], codec: codec, operation: .mean, seed: Seed(1)))
    }
    let empty = Chunk(phase: .broadcast, segment: 0, piece: 0, payload: [])
    var queue: [(Int, Outgoing)] = []
    for rank in machines.indices { queue += try machines[rank].start().map { (rank, $0) } }
    var next = 0
    while next < queue.count {
      // Taken out, so that its payload's memory serves again, as on a real link.
      let (from, message) = queue[next]
      queue[next] = (0, Outgoing(to: 0, empty))
      next += 1
      let rank = message.rank
      queue += try machines[rank].receive(message.chunk, from: from).map { (rank, $0) }
    }
    #expect(machines.allSatisfy { $0.isDone })
    return queue.count
  }

  @Test("figures of the floor", .enabled(if: isBench))
  func figures() throws {
    for (bytes, iterations) in [(64 << 20, 9), (4096, 2001)] {
      let timing = try BareSocketRing.measure(ranks: 4, bytes: bytes, iterations: iterations)
      print("bare-socket ring, 4 ranks, \(bytes) bytes: p50 \(timing.median), p90 \(timing.p90)")
    }
  }

  @Test("hashing a state", .enabled(if: isBench))
  func hashing() {
    let values = sample(16 << 20, Seed(1))
    let state = SharedState(round: 0, tensors: [("a", values)], note: [])
    let clock = ContinuousClock()
    let quick = clock.measure {
      _ =
        Digest.quick(
          of: values.span.elementBytes, count: values.count, seed: Seed(1), then: [])
    }
    let manifest = clock.measure { _ = StateServer(state) }
    print("64 MiB: quick digest \(quick); SHA-256 of all, by its manifest: \(manifest)")
  }
}
