// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryPlanning
import FerryStrategies
import Foundation
import Synchronization
import Testing

/// A GPT sharded over four peers on loopback links: two hosts of two.
@Suite("Sharded replica", .serialized)
struct ShardedReplicaTests {
  private static let patience: Duration = .seconds(120)
  private static let nest = try! Nest([2, 2])
  /// The engine computes for one rank at a time.
  private static let engine = Mutex(0)

  private static func group() throws -> [PeerGroup] {
    var chance = SplitMix64(Seed(6))
    var settings = PeerGroup.Settings(run: "shards", secret: .generated(using: &chance))
    settings.group.membersMin = nest.world
    let first = try PeerGroup.found(settings)
    let all =
      try [first]
      + (1..<nest.world).map { _ in
        try PeerGroup.join(at: first.address, settings, within: patience).group
      }
    let pending = all.map { $0.start(.barrier, on: Channel(tag: 9), within: patience) }
    for call in pending { try call.wait() }
    return all
  }

  private static func batch(_ step: Int, _ rank: Int) -> Batch {
    let start = UInt64(4 * (step * nest.world + rank))
    return Batch([start..<start + 4])
  }

  private static func rate(_ step: Int, _ steps: Int) -> Float {
    0.01 * Float(steps - step) / Float(steps)
  }

  /// Trains under a scheme; each rank's validation loss in the end.
  private static func train(_ scheme: ShardScheme, steps: Int) throws -> [Double] {
    let peers = try group()
    let names = peers.map(\.me.id)
    let results = Mutex<[Int: Result<Double, any Error>]>([:])
    let done = DispatchGroup()
    for (rank, peer) in peers.enumerated() {
      done.enter()
      let thread = Thread {
        let result = Result {
          let fabric = try ShardGroup(peer, nest: nest, peers: names, within: patience)
          var sharded = try engine.withLock { _ in
            try ShardedReplica(
              try TextReplicaTests.replica(), scheme, over: nest, rank: rank, seed: Seed(3))
          }
          for step in 0..<steps {
            _ = try sharded.step(
              [batch(step, rank)], learningRate: rate(step, steps), over: fabric,
              guarded: { work in try engine.withLock { _ in try work() } })
          }
          try sharded.gather(over: fabric)
          return try engine.withLock { _ in
            try sharded.replica.validationLoss(rows: 4, windows: 40)
          }
        }
        results.withLock { $0[rank] = result }
        done.leave()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    done.wait()
    return try results.withLock { all in try peers.indices.map { try all[$0]!.get() } }
  }

  /// The same with the mean of four gradients in one process, and the replica's own AdamW.
  private static func alone(steps: Int) throws -> Double {
    var replica = try TextReplicaTests.replica()
    for step in 0..<steps {
      let gradients = try (0..<nest.world).map { try replica.gradient(batch(step, $0)).gradient }
      let mean = gradients[0].indices.map { i in
        (gradients[0][i] + gradients[1][i] + (gradients[2][i] + gradients[3][i])) / 4
      }
      try replica.apply(gradient: mean, learningRate: rate(step, steps))
    }
    return try replica.validationLoss(rows: 4, windows: 40)
  }

  @Test("a GPT sharded over links without codes learns as in one process")
  func exact() throws {
    let expected = try Self.alone(steps: 40)
    let nested = ShardScheme(.nested, over: Self.nest)
    let losses = try Self.train(nested.sending(.float32), steps: 40)
    #expect(Set(losses).count == 1)
    #expect(abs(losses[0] / expected - 1) < 1e-5)
  }

  @Test("int8 weights and int4 gradients end within 0.005 nats; one step a slice ends further off")
  func coded() throws {
    let expected = try Self.alone(steps: 300)
    var nested = ShardScheme(.nested, over: Self.nest)
    let coded = try Self.train(nested, steps: 300)
    #expect(Set(coded).count == 1)
    #expect(abs(coded[0] - expected) < 0.005)
    // The largest value of a whole slice sets the step of all others in it.
    nested = nested.sending(ShardCoding(.int4, block: 65_536))
    let coarse = try Self.train(nested, steps: 300)
    // Three hundred steps round differently on other processors: 0.012 was seen, and above 0.015.
    #expect(coarse[0] - expected > max(0.0075, 3 * abs(coded[0] - expected)))
  }
}
