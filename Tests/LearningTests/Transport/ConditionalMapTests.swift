// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

extension EngineTests {
  @Suite("Conditional maps")
  struct ConditionalMapTests {
    private static func map(_ contexts: [Int]) throws -> ConditionalMap {
      try ConditionalMap(
        ConditionalMap.Options(
          dimensions: 3, contexts: contexts, embedding: 5, hidden: 6, layers: 2),
        key: RandomKey(Seed(1)))
    }

    @Test("points move little at first, by their context, and none of them by another's place")
    func start() throws {
      let map = try Self.map([1, 2])
      let x = try RandomKey(Seed(2)).normal(shape: [4, 3], deviation: 1)
      let images = try map(x, context: [[1], [0, 1]]).floats()
      let change = zip(images, try x.floats()).map { abs($0 - $1) }
      #expect(change.max()! > 0 && change.max()! < 0.2)
      #expect(try map(x, context: [[1], [1, 1]]).floats() != images)
      let last = try map(x.slice(axis: 0, 3..<4), context: [[1], [0, 1]]).floats()
      for (a, b) in zip(last, images[9...]) { #expect(abs(a - b) < 1e-6) }
      // Two embeddings (1 → 5, 2 → 5), 3 + 10 → 6 → 6 → 3.
      #expect(map.parameterCount == 10 + 15 + (13 * 6 + 6) + (36 + 6) + (18 + 3))
    }

    @Test("contexts given together are averaged where they are embedded, in no order")
    func together() throws {
      let map = try Self.map([1, 2])
      let x = try RandomKey(Seed(2)).normal(shape: [4, 3], deviation: 1)
      let (a, b): ([[Float]], [[Float]]) = ([[1], [0, 1]], [[-2], [3, 0.5]])
      let both = try map(x, contexts: [a, b]).floats()
      for (one, other) in zip(both, try map(x, contexts: [b, a]).floats()) {
        #expect(abs(one - other) < 1e-6)
      }
      #expect(try map(x, contexts: [a]).floats() == map(x, context: a).floats())
      for (one, other) in zip(
        try map(x, contexts: [a, a]).floats(), try map(x, context: a).floats())
      {
        #expect(abs(one - other) < 1e-6)
      }
      #expect(try map(x, context: a).floats() != both)
      #expect(try map(x, context: b).floats() != both)
    }

    @Test("contexts and points of other sizes are refused exactly")
    func refusals() throws {
      let map = try Self.map([1])
      let x = try Tensor(repeating: 0, shape: [2, 3])
      let context = try #require(throws: LearningError.self) { _ = try map(x, context: [[1, 2]]) }
      #expect(
        "\(context)"
          == "shape-mismatch: [2] does not go with [1] (conditional map). Give each kind of context as many numbers as were chosen."
      )
      let none = try #require(throws: LearningError.self) { _ = try map(x, contexts: []) }
      #expect(
        "\(none)"
          == "shape-mismatch: no context at all (conditional map). Give at least one, of no numbers for a map without contexts."
      )
      let points = try #require(throws: LearningError.self) {
        _ = try map(x.transposed(), context: [[1]])
      }
      #expect(
        "\(points)"
          == "shape-mismatch: [3, 2] does not go with [-1, 3] (conditional map). Give [points, coordinates] of as many coordinates as were chosen."
      )
    }
  }
}
