// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPlanning
import Foundation
import Testing

/// Two hosts of four cards of two dies, in one process.
@Suite("Shard member")
struct ShardMemberTests {
  static let nest = try! Nest([2, 4, 2])
  /// Not a multiple of anything.
  static let count = 1003

  static func schemes() -> [ShardScheme] { ShardScheme.all(over: nest) }

  /// A gradient that depends on rank, step and weights, so that an error anywhere grows.
  static func gradient(at weights: [Float], rank: Int, step: Int) -> [Float] {
    let noise = sample(weights.count, Seed(UInt64(1000 * step + rank)))
    return weights.indices.map { i in
      let target = Float(i % 17) / 17 - 0.5
      return (0.5 + Float(i % 5)) * (weights[i] - target) + 0.3 * noise[i]
    }
  }

  static func train(
    _ scheme: ShardScheme, steps: Int, batches: Int = 1, exact: [Range<Int>] = [],
    gradientNormMax: Float? = nil
  ) throws -> [[Float]] {
    let layout = try ShardLayout(count: count, nest: nest, block: 8, exact: exact)
    return try ShardCrew.run(nest.world) { fabric in
      var member = try ShardMember(
        scheme, layout: layout, rank: fabric.rank, parameters: sample(count, Seed(1)),
        seed: Seed(2), gradientNormMax: gradientNormMax
      ) { ToyAdam(count: $0.count) }
      for step in 0..<steps {
        for batch in 0..<batches {
          let weights = try member.weights(over: fabric)
          let again = try member.weights(.backward, over: fabric)
          #expect(scheme.forward != scheme.backward || weights == again)
          let gradient = gradient(at: again, rank: fabric.rank, step: step * batches + batch)
          try member.add(gradient, over: fabric)
        }
        try member.step(learningRate: 0.01, over: fabric)
      }
      return try member.weights(over: fabric)
    }
  }

  /// The same in one place, with sums in the order that the schemes state.
  static func alone(steps: Int) -> [Float] {
    var weights = sample(count, Seed(1))
    var adam = ToyAdam(count: count)
    for step in 0..<steps {
      let gradients = (0..<nest.world).map { gradient(at: weights, rank: $0, step: step) }
      var mean = [Float](repeating: 0, count: count)
      for i in mean.indices {
        var hosts: [Float] = [gradients[0][i], gradients[8][i]]
        for rank in 1..<8 {
          hosts[0] += gradients[rank][i]
          hosts[1] += gradients[8 + rank][i]
        }
        mean[i] = (hosts[0] + hosts[1]) / 16
      }
      adam.step(&weights, gradient: mean, learningRate: 0.01)
    }
    return weights
  }

  @Test("every scheme comes to the bits of one process, 200 steps long, on all 16 ranks")
  func exact() throws {
    let expected = Self.alone(steps: 200)
    for scheme in Self.schemes() {
      let weights = try Self.train(scheme.sending(.float32), steps: 200)
      for rank in weights.indices {
        #expect(weights[rank] == expected, "\(scheme.name), rank \(rank)")
      }
    }
  }
}
