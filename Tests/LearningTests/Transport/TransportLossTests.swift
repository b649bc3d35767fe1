// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryOptimalTransport
import Testing

extension EngineTests {
  @Suite("Losses of transport")
  struct TransportLossTests {
    /// Points whose coordinates are f32 exactly, so that both sides of a comparison have the same.
    static func batch(
      _ seed: UInt64, count: Int, dimensions: Int, shift: Float = 0
    ) throws -> Tensor {
      try RandomKey(Seed(seed)).normal(shape: [count, dimensions], deviation: 1) + shift
    }

    static let costs: [PointCost] = [
      .squaredEuclidean, .euclidean, .manhattan, .cosine, .minkowski(p: 3, power: 1.5),
    ]
    static let tight = Sinkhorn(.epsilon(0.3), tolerance: 1e-12)

    static func kind(_ index: Int) -> TransportLoss.Kind {
      [.exact, .entropic(tight), .divergence(tight)][index]
    }

    /// The loss in f64, computed with the library alone.
    static func value(
      _ kind: TransportLoss.Kind, _ x: [Double], _ y: [Double], _ d: Int, _ cost: PointCost
    ) throws -> Double {
      let cloud = try PointCloud(Points(x, dimensions: d), Points(y, dimensions: d), cost: cost)
      let problem = try LinearProblem(cloud)
      switch kind {
      case .exact: return try NetworkSimplex().solve(problem).transportCost
      case .entropic(let solver): return try solver.solve(problem).certificate.dual
      case .divergence(let solver): return try SinkhornDivergence(solver)(cloud).divergence
      }
    }

    @Test(
      "values are the library's, and gradients of both batches those of finite differences in f64",
      arguments: 0..<3, costs.indices)
    func gradients(kind: Int, cost: Int) throws {
      let (kind, cost) = (Self.kind(kind), Self.costs[cost])
      let x = try Self.batch(1, count: 6, dimensions: 3, shift: 1)
      let y = try Self.batch(2, count: 7, dimensions: 3)
      let found = try valueAndGradient(at: [x, y]) {
        try TransportLoss(kind, cost: cost)($0[0], $0[1])
      }
      let sides = [try x.floats().map(Double.init), try y.floats().map(Double.init)]
      let value = try Self.value(kind, sides[0], sides[1], 3, cost)
      #expect(abs(Double(try found.value.scalar()) - value) < 1e-6 * max(1, abs(value)))
      for side in 0..<2 {
        let gradient = try found.gradients[side].floats()
        for k in [0, 5, 10, 17] {
          func moved(_ step: Double) throws -> Double {
            var both = sides
            both[side][k] += step
            return try Self.value(kind, both[0], both[1], 3, cost)
          }
          let slope = (try moved(1e-5) - moved(-1e-5)) / 2e-5
          #expect(abs(slope - Double(gradient[k])) < 2e-6, "side \(side), \(k)")
        }
      }
    }

    @Test("gradients go on to what made the points, and stop where they are not wanted")
    func chain() throws {
      let x = try Self.batch(3, count: 5, dimensions: 3)
      let y = try Self.batch(4, count: 6, dimensions: 2)
      let w = try Self.batch(5, count: 3, dimensions: 2)
      let loss = TransportLoss(.divergence(Self.tight), sides: .first)
      let found = try valueAndGradient(at: [w, y]) { try loss(x.matmul($0[0]), $0[1]) * 3 }
      let images = try x.matmul(w)
      let direct = try valueAndGradient(at: [images]) { try loss($0[0], y) }.gradients[0]
      let expected = try (x.transposed().matmul(direct) * 3).floats()
      for (a, b) in zip(try found.gradients[0].floats(), expected) { #expect(abs(a - b) < 1e-5) }
      #expect(try found.gradients[1].floats().allSatisfy { $0 == 0 })
    }

    @Test("equal batches have no divergence, and no slope")
    func equal() throws {
      let x = try Self.batch(6, count: 9, dimensions: 2)
      let found = try valueAndGradient(at: [x]) {
        try TransportLoss(.divergence(Self.tight), cost: .euclidean)($0[0], x)
      }
      #expect(abs(try found.value.scalar()) < 1e-6)
      #expect(try found.gradients[0].floats().allSatisfy { abs($0) < 1e-5 })
    }

    @Test("potentials of the step before save passes")
    func warm() throws {
      let x = try Self.batch(7, count: 60, dimensions: 2)
      let y = try Self.batch(8, count: 60, dimensions: 2, shift: 1)
      let passes = PassCount(0)
      var solver = Sinkhorn(.epsilon(0.05), tolerance: 1e-6, form: .scaling)
      solver.progress = { _ in passes.count += 1 }
      let loss = TransportLoss(.entropic(solver), sides: .first)
      var potentials: Potentials?
      let cold = try loss(x, y, from: &potentials).scalar()
      let first = passes.count
      passes.count = 0
      let warm = try loss(x, y, from: &potentials).scalar()
      #expect(abs(cold - warm) < 1e-5 && passes.count * 4 < first, "\(passes.count) of \(first)")
    }

    @Test("what does not converge throws out of the gradient, as do shapes that are no points")
    func refusals() throws {
      let x = try Self.batch(1, count: 5, dimensions: 2)
      let y = try Self.batch(2, count: 5, dimensions: 2)
      let short = TransportLoss(
        .entropic(Sinkhorn(.epsilon(0.05), tolerance: 1e-12, iterationsMax: 3)))
      let error = try #require(throws: TransportError.self) {
        _ = try valueAndGradient(at: [x]) { try short($0[0], y) }
      }
      #expect(error.code == .notConverged)
      let shape = try #require(throws: LearningError.self) {
        _ = try short(x.reshaped([10]), x)
      }
      #expect(
        "\(shape)"
          == "shape-mismatch: [10] is no list of points (transport loss). Give [points, coordinates]."
      )
    }

    @Test("the gap's gradient is that of finite differences in f64", arguments: 0..<3, [0, 1])
    func gap(solver: Int, cost: Int) throws {
      let kind: MongeGap.Solver = [.exact, .entropic(Self.tight), .debiased(Self.tight)][solver]
      let gap = MongeGap(cost: Self.costs[cost], solver: kind)
      let x = try Self.batch(9, count: 8, dimensions: 2)
      let images = try Self.batch(10, count: 8, dimensions: 2, shift: 0.5)
      let found = try valueAndGradient(at: [images]) { try MongeGapLoss(gap)(x, $0[0]) }
      let points = try x.points()
      let base = try images.floats().map(Double.init)
      let byPoints = try gap.gradient(
        of: gap(points, Points(base, dimensions: 2)), points, Points(base, dimensions: 2),
        by: .points)
      let gradient = try found.gradients[0].floats()
      for k in 0..<16 {
        func moved(_ step: Double, _ coordinates: [Double]) throws -> Points {
          var coordinates = coordinates
          coordinates[k] += step
          return try Points(coordinates, dimensions: 2)
        }
        let slope =
          (try gap(points, moved(1e-5, base)).gap - gap(points, moved(-1e-5, base)).gap) / 2e-5
        #expect(abs(slope - Double(gradient[k])) < 2e-6)
        let own = points.coordinates
        let images = try Points(base, dimensions: 2)
        let other =
          (try gap(moved(1e-5, own), images).gap - gap(moved(-1e-5, own), images).gap) / 2e-5
        #expect(abs(other - byPoints[k]) < 2e-6)
      }
    }

    @Test("a network trained on divergence and gap moves a population onto another")
    func training() throws {
      let x = try Self.batch(12, count: 48, dimensions: 2)
      let y = try Self.batch(13, count: 48, dimensions: 2) * 0.5 + 2
      var map = try ConditionalMap(
        ConditionalMap.Options(dimensions: 2, contexts: [1], embedding: 4, hidden: 16, layers: 2),
        key: RandomKey(Seed(11)))
      let fit = TransportLoss(.divergence(Sinkhorn(.shareOfMeanCost(0.1))), sides: .first)
      var optimizer = AdamW(AdamW.Options(beta2: 0.999, weightDecay: 0))
      var losses: [Float] = []
      for _ in 0..<40 {
        let step = try valueAndGradient(at: map) { map in
          let images = try map(x, context: [[1]])
          return try fit(images, y) + MongeGapLoss()(x, images)
        }
        losses.append(try step.value.scalar())
        var parameters = map.parameters.map(\.tensor)
        try optimizer.step(
          &parameters, gradients: step.gradient.parameters.map(\.tensor), learningRate: 0.02,
          gradientScale: 1)
        try map.setParameters(parameters)
      }
      #expect(losses[0] > 3 && losses.last! < 0.1 * losses[0], "\(losses)")
    }

    @Test("the gap undoes a turn that the fit does not see")
    func turn() throws {
      let x = try Self.batch(14, count: 64, dimensions: 2)
      let y = try Self.batch(15, count: 64, dimensions: 2)
      let start = try Tensor([0.5, 0.866, -0.866, 0.5], shape: [2, 2])
      let fit = TransportLoss(.divergence(Sinkhorn(.epsilon(0.5))), sides: .first)
      func turned(_ weight: Float) throws -> (fit: Float, gap: Float) {
        var matrix = start
        for _ in 0..<60 {
          let slope = try valueAndGradient(at: [matrix]) {
            let images = try x.matmul($0[0])
            return try fit(images, y) + MongeGapLoss()(x, images) * weight
          }.gradients[0]
          matrix = try matrix - slope * 0.1
          try matrix.evaluate()
        }
        let images = try x.matmul(matrix)
        return (try fit(images, y).scalar(), try MongeGapLoss()(x, images).scalar())
      }
      let (free, held) = (try turned(0), try turned(1))
      #expect(free.gap > 0.3 && held.gap < 0.05 * free.gap && held.fit < free.fit + 0.1)
    }
  }

  /// A count that a closure can raise; only the thread that solves does.
  private final class PassCount: @unchecked Sendable {
    // SAFETY (Sendable): read and written by one thread alone.
    var count: Int
    init(_ count: Int) { self.count = count }
  }
}
