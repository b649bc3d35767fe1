// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport
import Testing

extension EngineTests {
  @Suite("Prototype pooling")
  struct PrototypePoolingTests {
    private static func numbers(_ count: Int, _ seed: UInt64) -> [Float] {
      var random = SplitMix64(Seed(seed))
      return (0..<count).map { _ in Float.random(in: 0...1, using: &random) }
    }

    @Test(
      "gradients through the layer are the pullback's, bag by bag", arguments: [0.3, 1],
      [0.05, 1, 1_000])
    func implicit(share: Double, sizePenalty: Double) throws {
      let (counts, tiles, k) = ([7, 4, 1], 7, 3)
      let solver = ProgressivePartial(share: share, sizePenalty: sizePenalty, tolerance: 1e-10)
      let costs = Self.numbers(3 * tiles * k, 1)
      let weights = Self.numbers(3 * tiles * k, 2)
      let (value, gradients) = try valueAndGradient(
        at: [Tensor(costs, shape: [3, tiles, k])]
      ) { inputs in
        try
          (PrototypeTransport(solver)(inputs[0], counts: counts)
          * Tensor(weights, shape: [3, tiles, k])).sum()
      }
      let found = try gradients[0].floats().map(Double.init)
      var total = 0.0
      for (bag, count) in counts.enumerated() {
        let start = bag * tiles * k
        let own = start..<start + count * k
        let solution = try solver.solve(
          DenseCost(costs[own].map(Double.init), rows: count, columns: k))
        let slope = try PartialPullback(solution).costGradient(of: weights[own].map(Double.init))
        let greatest = slope.reduce(1e-2) { max($0, abs($1)) }
        for (at, expected) in zip(own, slope) {
          #expect(abs(found[at] - expected) < 1e-4 * greatest)
        }
        #expect(found[own.upperBound..<start + tiles * k].allSatisfy { $0 == 0 })
        total += zip(solution.coupling.masses, weights[own]).reduce(0) { $0 + $1.0 * Double($1.1) }
      }
      #expect(abs(Double(try value.scalar()) - total) < 1e-5)
    }

    @Test("the share moves, rows give at most their part, and padding changes nothing")
    func masses() throws {
      let pooling = try PrototypePooling(
        prototypes: 4, width: 5, deviation: 1, key: RandomKey(Seed(3)))
      let solver = ProgressivePartial(share: 0.4)
      var padded = Self.numbers(2 * 6 * 5, 4)
      let pooled = try pooling(Tensor(padded, shape: [2, 6, 5]), counts: [6, 3], solver: solver)
      #expect(pooled.features.shape == [2, 4, 5])
      let plan = try pooled.plan.floats()
      for (bag, count) in [6, 3].enumerated() {
        let own = plan[bag * 24..<(bag + 1) * 24]
        #expect(abs(own.reduce(0, +) - 1) < 1e-5)
        for tile in 0..<6 {
          let row = own[(bag * 24 + tile * 4)..<(bag * 24 + tile * 4 + 4)].reduce(0, +)
          #expect(tile < count ? row <= 1 / Float(count) / 0.4 + 1e-6 : row == 0)
        }
      }
      for at in 45..<60 { padded[at] = 9 }
      let again = try pooling(Tensor(padded, shape: [2, 6, 5]), counts: [6, 3], solver: solver)
      #expect(try again.plan.floats() == plan)
    }

    @Test("gradients by tiles and prototypes are those of differences")
    func differences() throws {
      let (counts, solver) = ([5, 3], ProgressivePartial(share: 0.7, tolerance: 1e-11))
      // The first coordinate is always the least, and the first tile the farthest: there is no kink
      // near by.
      let tiles = Self.numbers(2 * 5 * 4, 5).enumerated().map { at, value in
        value - (at % 4 == 0 ? 1 : 0) + (at % 20 == 3 ? 2 : 0)
      }
      let prototypes = Self.numbers(3 * 4, 6).enumerated().map { $1 - ($0 % 4 == 0 ? 1 : 0) }
      let weights = try Tensor(Self.numbers(2 * 3 * 4, 7), shape: [2, 3, 4])
      func loss(_ inputs: [Tensor]) throws -> Tensor {
        var pooling = try PrototypePooling(
          prototypes: 3, width: 4, deviation: 1, key: RandomKey(Seed(1)))
        pooling.prototypes = inputs[1]
        return try (pooling(inputs[0], counts: counts, solver: solver).features * weights).sum()
      }
      func inputs(_ tiles: [Float], _ prototypes: [Float]) throws -> [Tensor] {
        [try Tensor(tiles, shape: [2, 5, 4]), try Tensor(prototypes, shape: [3, 4])]
      }
      let gradients = try valueAndGradient(at: inputs(tiles, prototypes), of: loss).gradients
      let step: Float = 3e-3
      func check(_ found: [Float], _ moved: (Int, Float) throws -> [Tensor]) throws {
        let greatest = found.reduce(0) { max($0, abs($1)) }
        for at in found.indices {
          // Of fourth order: ε makes the loss bend within a hundredth.
          func rise(_ step: Float) throws -> Float {
            try loss(moved(at, step)).scalar() - loss(moved(at, -step)).scalar()
          }
          let difference = try (8 * rise(step) - rise(2 * step)) / (12 * step)
          #expect(abs(difference - found[at]) < 1e-3 * greatest)
        }
      }
      try check(gradients[0].floats()) { at, step in
        var moved = tiles
        moved[at] += step
        return try inputs(moved, prototypes)
      }
      try check(gradients[1].floats()) { at, step in
        var moved = prototypes
        moved[at] += step
        return try inputs(tiles, moved)
      }
    }

    @Test("bags without tiles and other shapes are refused")
    func refusals() throws {
      let transport = PrototypeTransport(ProgressivePartial(share: 1))
      let error = #expect(throws: LearningError.self) {
        try transport(Tensor(repeating: 1, shape: [2, 3, 2]), counts: [3, 0])
      }
      #expect(
        error?.description
          == "shape-mismatch: costs [2, 3, 2] for bags of [3, 0] tiles (prototype transport). Give "
          + "costs [bags, tiles, prototypes] and from 1 tile to all of them for each bag.")
    }
  }
}
