// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import FerryPlanning
import Testing

/// The snippets of Docs/sharding.md, as they stand there.
@Suite("Sharding document")
struct ShardDocumentTests {
  private struct Momentum: ShardOptimizer {
    private var velocity: [Float]
    private(set) var steps = 0

    init(count: Int) { velocity = Array(repeating: 0, count: count) }

    mutating func step(_ parameters: inout [Float], gradient: [Float], learningRate: Float) {
      steps += 1
      for i in parameters.indices {
        velocity[i] = 0.9 * velocity[i] + gradient[i]
        parameters[i] -= learningRate * velocity[i]
      }
    }

    var state: [(name: String, values: [Float])] { [("velocity", velocity)] }

    mutating func restore(_ state: [(name: String, values: [Float])], steps: Int) {
      (velocity, self.steps) = (state[0].values, steps)
    }
  }

  @Test("a run is sharded over four peers, and two go on with what all had")
  func document() throws {
    let peers = try ShardGroupTests.group(of: 4)
    let names = peers.map(\.me.id)
    let parameters = sample(600, Seed(3))
    let ends = ShardGroupTests.together(peers) { rank, group -> [Float] in
      let member = try Self.train(group, parameters, ranks: names)
      // One that ends sooner would be lost to those who are still at their last step.
      try group.perform(.barrier, on: Channel(tag: 3), within: .seconds(60))
      guard rank < 2 else {
        group.close()
        return []
      }
      var weights: [Float] = []
      let left = Array(names.prefix(2))
      try Self.goOn(group, parameters, member, survivors: left, ranks: left, into: &weights)
      return weights
    }
    let weights = try ends.map { try $0.get() }
    #expect(weights[0] == weights[1] && weights[0].count == 600)
    #expect(weights[0].map { abs($0) }.max()! < 0.5, "the gradient leads to zero")
  }

  private static func gradient(_ weights: [Float], _ step: Int) -> [Float] { weights }

  private static func train(
    _ group: PeerGroup, _ parameters: [Float], ranks: [PeerID]
  ) throws -> ShardMember<Momentum> {
    let (steps, norms) = (20, [0..<10, 300..<310])
    let nest = try Nest([2, 2])
    let scheme = ShardScheme(.nested, over: nest)
    let layout = try ShardLayout(count: parameters.count, nest: nest, block: 64, exact: norms)
    let fabric = try ShardGroup(group, nest: nest, peers: ranks, within: .seconds(60))
    var member = try ShardMember(
      scheme, layout: layout, rank: fabric.rank, parameters: parameters, seed: Seed(1),
      copies: .neighbor
    ) { Momentum(count: $0.count) }
    for step in 0..<steps {
      let weights = try member.weights(over: fabric)
      try member.add(gradient(weights, step), over: fabric)
      try member.step(learningRate: 0.01, over: fabric)
    }
    #expect(member.ledger.bytes.allSatisfy { $0 > 0 })
    return member
  }

  private static func goOn(
    _ group: PeerGroup, _ parameters: [Float], _ member: ShardMember<Momentum>,
    survivors: [PeerID], ranks: [PeerID], into weights: inout [Float]
  ) throws {
    let pair = try Nest([2])
    let smaller = try ShardLayout(count: parameters.count, nest: pair, block: 64)
    let all = try ShardGroup.collect(
      member.parts, from: group, among: survivors, tag: 5, within: .seconds(60))
    guard let parts = ShardCheckpoint.newest(of: all, covering: parameters.count) else { return }
    let fabric = try ShardGroup(group, nest: pair, peers: ranks, tag: 7, within: .seconds(60))
    var resumed = try ShardMember(
      resuming: parts, ShardScheme(.zero3, over: pair), layout: smaller, rank: fabric.rank,
      seed: Seed(1), over: fabric
    ) { Momentum(count: $0.count) }
    #expect(resumed.steps == 20)
    weights = try resumed.weights(over: fabric)
  }
}
