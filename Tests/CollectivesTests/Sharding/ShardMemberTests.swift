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

  @Test("with micro-batches every scheme is near the exact one, and equal on all ranks")
  func batches() throws {
    let all = try Self.schemes().map { scheme in
      try Self.train(scheme.sending(.float32), steps: 20, batches: 3, gradientNormMax: 1)
    }
    for (scheme, weights) in zip(Self.schemes(), all) {
      #expect(Set(weights).count == 1, "\(scheme.name)")
      let worst = zip(weights[0], all[0][0]).map { abs($0 - $1) / max(abs($1), 0.1) }.max()!
      #expect(worst < 1e-5, "\(scheme.name): \(worst)")
    }
  }

  @Test("in any nest, at any depths, a step is one with the mean over ranks and micro-batches")
  func mean() throws {
    var chance = SplitMix64(Seed(8))
    for sizes in [[1], [3], [1, 5], [4, 1], [2, 3, 2], [2, 1, 2, 2]] {
      let nest = try Nest(sizes)
      for _ in 0..<6 {
        let depths = (0..<3).map { _ in Int.random(in: 0...nest.levels, using: &chance) }.sorted()
        let scheme = try ShardScheme(
          "any", weights: depths[0], gradients: depths[1], optimizer: depths[2]
        ).sending(.float32)
        let count = Int.random(in: 1...300, using: &chance)
        let batches = Int.random(in: 1...3, using: &chance)
        let layout = try ShardLayout(
          count: count, nest: nest, block: Int.random(in: 1...9, using: &chance))
        let gradients = (0..<nest.world * batches).map { sample(count, Seed(UInt64($0))) }
        let mean = (0..<count).map { i in
          gradients.reduce(0.0) { $0 + Double($1[i]) } / Double(gradients.count)
        }
        let norm = mean.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
        let start = sample(count, Seed(1))
        let all = try ShardCrew.run(nest.world) { fabric in
          var member = try ShardMember(
            scheme, layout: layout, rank: fabric.rank, parameters: start, seed: Seed(2),
            gradientNormMax: Float(norm / 2)
          ) { _ in ToyDescent() }
          for batch in 0..<batches {
            try member.add(gradients[fabric.rank * batches + batch], over: fabric)
          }
          let found = try #require(try member.step(learningRate: 0.5, over: fabric))
          #expect(abs(found / norm - 1) < 1e-5)
          return try member.weights(over: fabric)
        }
        #expect(Set(all).count == 1)
        for i in 0..<count {
          #expect(
            abs(all[0][i] - (start[i] - 0.25 * Float(mean[i]))) < 1e-6,
            "\(sizes), \(depths), \(count) in \(batches) batches")
        }
      }
    }
  }

  @Test("exact ranges keep the bits of a run without codes, whatever becomes of the others")
  func exactRanges() throws {
    let ranges = [0..<20, 63..<64, 400..<700, 1000..<1003]
    let nested = ShardScheme(.nested, over: Self.nest)
    let plain = try Self.train(nested.sending(.float32), steps: 5)[0]
    let coded = try Self.train(nested, steps: 5, exact: ranges)[0]
    for range in ranges { #expect(coded[range] == plain[range]) }
    #expect(coded[64..<400] != plain[64..<400])
  }

  @Test("schemes and ranks that cannot be are refused")
  func refused() throws {
    var whole = ShardScheme(.mics, over: Self.nest)
    whole.across = .int8
    func what(_ scheme: ShardScheme, rank: Int, _ nest: Nest) -> String {
      do {
        _ = try ShardMember(
          scheme, layout: ShardLayout(count: 3, nest: nest), rank: rank, parameters: [1, 2, 3],
          seed: Seed(1)
        ) { _ in ToyDescent() }
        return ""
      } catch { return "\(error)" }
    }
    #expect(
      what(whole, rank: 0, Self.nest)
        == "bad-operation: gradients in int8 would be rounded three times (scheme mics). Shard the "
        + "state over all ranks, or send gradients across in bf16 or f32.")
    #expect(
      what(ShardScheme(.zero3, over: Self.nest), rank: 0, try Nest([2]))
        == "bad-group: rank 0, state sharded at depth 3 of 1 levels (scheme zero-3 over [2]). Choose "
        + "a rank below 2, and a scheme of this nest.")
    #expect(what(ShardScheme(.zero1, over: Self.nest), rank: 16, Self.nest) != "")
    #expect(throws: PlanningError.self) {
      try ShardScheme("odd", weights: 2, gradients: 1, optimizer: 3)
    }
  }

  @Test("what each rank sends at each level is what the formulas say, padding and steps included")
  func ledger() throws {
    let count = 16 * 2048 * 2
    let layout = try ShardLayout(count: count, nest: Self.nest, block: 2048)
    var (qwZ, hpZ) = (ShardScheme(.zero3, over: Self.nest), ShardScheme(.hpZ, over: Self.nest))
    qwZ.forward = .int8
    (hpZ.forward, hpZ.returned) = (.int8, .int8)
    for scheme in Self.schemes() + [qwZ, hpZ] {
      let cost = ShardCost(scheme, count: Double(count), over: Self.nest, batches: 2)
      let sent = try ShardCrew.run(Self.nest.world) { fabric in
        var member = try ShardMember(
          scheme, layout: layout, rank: fabric.rank, parameters: sample(count, Seed(1)),
          seed: Seed(2)
        ) { ToyAdam(count: $0.count) }
        for batch in 0..<2 {
          _ = try member.weights(over: fabric)
          let weights = try member.weights(.backward, over: fabric)
          try member.add(
            Self.gradient(at: weights, rank: fabric.rank, step: batch), over: fabric)
        }
        try member.step(learningRate: 0.01, over: fabric)
        #expect(
          Double(member.byteCount)
            == ShardCost(scheme, count: Double(count), over: Self.nest, holding: .float32).memory,
          "\(scheme.name)")
        return member.ledger
      }
      for ledger in sent {
        for (level, expected) in cost.bytes.enumerated() {
          #expect(
            abs(Double(ledger.bytes[level]) - expected) <= 0.0001 * expected,
            "\(scheme.name), level \(level)")
        }
      }
    }
  }

  @Test("a run goes on from its checkpoint to the same bits, and over another nest as exactly")
  func resumes() throws {
    let nested = ShardScheme(.nested, over: Self.nest)
    let bits = try interrupted(nested, over: Self.nest)
    #expect(bits.resumed == bits.straight)
    let exact = nested.sending(.float32)
    let smaller = try Nest([2, 2, 2])
    let other = try interrupted(exact, over: smaller)
    #expect(Set(other.resumed).count == 1)
  }

  /// Weights after six steps, all at once, and with a checkpoint after three of them.
  private func interrupted(
    _ scheme: ShardScheme, over nest: Nest
  ) throws -> (straight: [[Float]], resumed: [[Float]]) {
    let layout = try ShardLayout(count: Self.count, nest: Self.nest, block: 16)
    let other = try ShardLayout(count: Self.count, nest: nest, block: 16)
    let first = try ShardCrew.run(Self.nest.world) { fabric in
      var member = try ShardMember(
        scheme, layout: layout, rank: fabric.rank, parameters: sample(Self.count, Seed(1)),
        seed: Seed(2)
      ) { ToyAdam(count: $0.count) }
      var kept: ShardCheckpoint?
      for step in 0..<6 {
        if step == 3 { kept = member.checkpoint() }
        try Self.advance(&member, step, fabric)
      }
      return (kept!, try member.weights(over: fabric))
    }
    let parts = first.map(\.0)
    let resumed = try ShardCrew.run(nest.world) { fabric in
      var member = try ShardMember(
        resuming: parts.reversed(), scheme, layout: other, rank: fabric.rank, seed: Seed(2),
        over: fabric
      ) { ToyAdam(count: $0.count) }
      #expect(member.steps == 3)
      for step in 3..<6 { try Self.advance(&member, step, fabric) }
      return try member.weights(over: fabric)
    }
    return (first.map(\.1), resumed)
  }

  static func advance(
    _ member: inout ShardMember<ToyAdam>, _ step: Int, _ fabric: some ShardFabric
  ) throws {
    let weights = try member.weights(over: fabric)
    try member.add(gradient(at: weights, rank: member.rank, step: step), over: fabric)
    try member.step(learningRate: 0.01, over: fabric)
  }

  @Test("a part that is missing, or of another step, is named")
  func missingPart() throws {
    let layout = try ShardLayout(count: 40, nest: Nest([2]), block: 4)
    func part(_ range: Range<Int>, _ steps: Int = 5) -> ShardCheckpoint {
      let zeros = [Float](repeating: 0, count: range.count)
      return ShardCheckpoint(
        range: range, steps: steps, parameters: zeros, state: [("first", zeros), ("second", zeros)])
    }
    let scheme = ShardScheme(.zero3, over: layout.nest)
    func what(_ parts: [ShardCheckpoint]) throws -> String? {
      do {
        _ = try ShardCrew.run(2) { fabric in
          let member = try ShardMember(
            resuming: parts, scheme, layout: layout, rank: fabric.rank, seed: Seed(1), over: fabric
          ) { ToyAdam(count: $0.count) }
          return member.steps
        }
        return nil
      } catch let error as CollectiveError { return error.what }
    }
    #expect(try what([part(0..<13), part(13..<40)]) == nil)
    #expect(try what([part(0..<13), part(14..<40)]) == "parameters from 13 on are in none of them")
    #expect(try what([part(0..<20), part(20..<40, 6)]) == "the parts are of steps [5, 6]")
  }

  @Test("int4 in blocks ends near the exact run; one step a slice loses tiny gradients")
  func quantized() throws {
    // Every fourth run of 16 has gradients a thousand times those of the others.
    // What a rank keeps is not rounded, so that an eighth of them arrives even so.
    func loss(_ weights: [Float]) -> Float {
      weights.indices.reduce(0) { sum, i in
        let distance = weights[i] - (Float(i % 17) / 17 - 0.5)
        return sum + distance * distance / Float(weights.count)
      }
    }
    func train(_ scheme: ShardScheme) throws -> Float {
      let layout = try ShardLayout(count: 1003, nest: Self.nest, block: 16, exact: [0..<20])
      let weights = try ShardCrew.run(16) { fabric in
        var member = try ShardMember(
          scheme, layout: layout, rank: fabric.rank, parameters: sample(1003, Seed(1)),
          seed: Seed(2)
        ) { ToyAdam(count: $0.count) }
        for step in 0..<200 {
          let weights = try member.weights(over: fabric)
          let gradient = Self.gradient(at: weights, rank: fabric.rank, step: step)
          let uneven = gradient.indices.map { gradient[$0] * ($0 / 16 % 4 == 0 ? 1 : 0.001) }
          try member.add(uneven, over: fabric)
          try member.step(learningRate: 0.02, over: fabric)
        }
        return try member.weights(over: fabric)
      }
      #expect(Set(weights).count == 1)
      return loss(weights[0])
    }
    var nested = ShardScheme(.nested, over: Self.nest)
    let exact = try train(nested.sending(.float32))
    nested.within = ShardCoding(.int4Stochastic, block: 16)
    nested.across = nested.within
    let fine = try train(nested)
    nested.within = ShardCoding(.int4, block: 65_536)
    nested.across = nested.within
    let coarse = try train(nested)
    #expect(fine < 1.5 * exact)
    #expect(coarse > 2 * fine)
  }
}
