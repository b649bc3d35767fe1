// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Maps")
struct MapTests {
  @Test("of an assignment, the projection is the assigned point; new points move with the nearest")
  func barycentric() throws {
    var random = SplitMix64(Seed(1))
    let x = try samplePoints(&random, count: 30, dimensions: 2)
    let y = try Points(x.coordinates.map { $0 + 0.25 }, dimensions: 2)
    let solution = try Assignment().solve(LinearProblem(PointCloud(x, y)))
    let map = try BarycentricMap(solution.coupling, from: x, to: y)
    #expect(difference(map.images.coordinates, y.coordinates) < 1e-14)
    let other = try samplePoints(&random, count: 7, dimensions: 2)
    #expect(
      difference(try map(other).coordinates, other.coordinates.map { $0 + 0.25 }) < 1e-14)
    #expect(difference(try map(x).coordinates, y.coordinates) < 1e-14)
  }

  @Test("the entropic map is the projection at the points, and keeps between the targets elsewhere")
  func entropic() throws {
    var random = SplitMix64(Seed(2))
    let x = try samplePoints(&random, count: 20, dimensions: 3)
    let y = try samplePoints(&random, count: 25, dimensions: 3)
    let solution = try Sinkhorn(.epsilon(0.05), tolerance: 1e-12).solve(
      LinearProblem(PointCloud(x, y), columnMasses: sampleMasses(&random, count: 25, holes: true)))
    let map = try EntropicMap(solution)
    let projected = try solution.coupling.barycentricProjection(onto: y)
    #expect(difference(try map(x).coordinates, projected.coordinates) < 1e-9)
    let far = try map(Points([1e3, 1e3, 1e3, -50, 0, 0], dimensions: 3))
    #expect(far.coordinates.allSatisfy { (0...1).contains($0) })
  }

  @Test("a row without mass, and a solution without points, are refused")
  func refusals() throws {
    let near = try Points([0, 1], dimensions: 1)
    let known = try BarycentricMap(
      NetworkSimplex().solve(LinearProblem(PointCloud(near, near))).coupling, from: near, to: near)
    #expect(
      message { _ = try known(Points([2, 1e200], dimensions: 1)) }
        == "cost-out-of-range: no source is at a finite distance (point 1). Scale the points down.")
    let x = try Points([0, 1], dimensions: 1)
    let solution = try NetworkSimplex().solve(
      LinearProblem(PointCloud(x, x), rowMasses: [1, 0]))
    #expect(
      message { _ = try solution.coupling.barycentricProjection(onto: x) }
        == "mass-out-of-range: no mass leaves it (row 1). Leave out rows without mass: they go nowhere."
    )
    #expect(
      message { _ = try EntropicMap(solution) }
        == "setting-out-of-range: the solution is not an entropic one between points (entropic map). Solve a PointCloud with Sinkhorn, or use BarycentricMap."
    )
  }

  @Test(
    "the Monge gap: 0 for gradients of convex functions, above 0 for a turn", arguments: seeds(4))
  func gap(seed: Seed) throws {
    var random = SplitMix64(seed)
    let x = try samplePoints(&random, count: 60, dimensions: 2)
    func mapped(_ map: (Double, Double) -> [Double]) throws -> Points {
      try Points((0..<60).flatMap { map(x[$0].first!, x[$0].last!) }, dimensions: 2)
    }
    // A symmetric matrix without negative directions, and a shift.
    let convex = try mapped { [2 * $0 + 0.5 * $1 + 3, 0.5 * $0 + $1 - 1] }
    let turned = try mapped { [0.766 * $0 - 0.643 * $1, 0.643 * $0 + 0.766 * $1] }
    let zero = try MongeGap()(x, convex)
    #expect(abs(zero.gap) < 1e-12 && zero.solution.isConverged)
    #expect(try MongeGap()(x, turned).gap > 1e-3)
    // Any map has a gap of at least 0, at any cost.
    let other = try samplePoints(&random, count: 60, dimensions: 2)
    #expect(try MongeGap(cost: .euclidean)(x, other).gap >= -1e-13)
    let soft = try MongeGap(solver: .entropic(Sinkhorn(.shareOfMeanCost(0.01))))(x, other)
    let hard = try MongeGap()(x, other)
    #expect(soft.gap <= hard.gap + 1e-12 && hard.gap - soft.gap < 0.02)
    // Debiased it is near the exact one, and that of points which stay is 0 at any strength.
    let even = MongeGap(solver: .debiased(Sinkhorn(.shareOfMeanCost(0.01))))
    #expect(abs(try even(x, other).gap - hard.gap) < 0.01)
    #expect(abs(try even(x, x).gap) < 1e-6)
    let both = try MongeGap().conditional([(x, convex), (x, turned)])
    #expect(abs(both.mean - (both.each[0].gap + both.each[1].gap) / 2) < 1e-15)
  }
}
