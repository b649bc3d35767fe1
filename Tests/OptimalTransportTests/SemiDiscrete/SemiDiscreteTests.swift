// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Semi-discrete transport")
struct SemiDiscreteTests {
  private let square = [SIMD2(0.0, 0), SIMD2(1, 0), SIMD2(1, 1), SIMD2(0, 1)]

  @Test("two points by hand: the border moves to where masses are right")
  func byHand() throws {
    // Cells of the unit square left and right of x = 0.7: costs are integrals of (x − p)² + (y − 1/2)².
    let points = try Points([0.25, 0.5, 0.75, 0.5], dimensions: 2)
    let answer = try UniformToPoints(domain: square).solve(points, masses: [7, 3])
    func moment(_ from: Double, _ to: Double, _ p: Double) -> Double {
      let cubed = { (x: Double) in (x - p) * (x - p) * (x - p) / 3 }
      return cubed(to) - cubed(from) + (to - from) / 12
    }
    let expected = moment(0, 0.7, 0.25) + moment(0.7, 1, 0.75)
    #expect(abs(answer.transportCost - expected) < 1e-14)
    #expect(abs(answer.masses[0] - 0.7) < 1e-14 && abs(answer.dual - expected) < 1e-14)
    #expect(answer.cells[0].allSatisfy { $0.x < 0.7 + 1e-12 })
    // |x − p₀|² − g₀ = |x − p₁|² − g₁ at x = 0.7.
    let difference = 0.45 * 0.45 - 0.05 * 0.05
    #expect(abs(answer.potentials[0] - answer.potentials[1] - difference) < 1e-13)
  }

  @Test("masses to 1e-11 in few steps; cells fill the polygon", arguments: seeds(3), [1, 40, 200])
  func masses(seed: Seed, count: Int) throws {
    var random = SplitMix64(seed)
    let points = try samplePoints(&random, count: count, dimensions: 2)
    let masses = sampleMasses(&random, count: count)
    let answer = try UniformToPoints(domain: square).solve(points, masses: masses)
    #expect(answer.error < 1e-11 && answer.iterations < 30)
    #expect(abs(answer.dual - answer.transportCost) < 1e-11)
    var area = 0.0
    for cell in answer.cells {
      for k in cell.indices {
        let (p, q) = (cell[k], cell[(k + 1) % cell.count])
        area += (p.x * q.y - p.y * q.x) / 2
      }
    }
    #expect(abs(area - 1) < 1e-12)
  }

  @Test("stochastic ascent comes near the exact answer, and says how near")
  func stochastic() throws {
    var random = SplitMix64(Seed(3))
    let points = try samplePoints(&random, count: 12, dimensions: 2)
    let masses = sampleMasses(&random, count: 12)
    let exact = try UniformToPoints(domain: square).solve(points, masses: masses)
    let solver = try StochasticSemiDual(targets: points, masses: masses, steps: 4000)
    let answer = try solver.solve(seed: Seed(4)) { random in
      [Double.random(in: 0...1, using: &random), Double.random(in: 0...1, using: &random)]
    }
    #expect(abs(answer.dual.mean - exact.dual) < 4 * answer.dual.standardError + 1e-4)
    #expect(answer.error < 0.05 && answer.dual.standardError < 2e-3)
    let again = try solver.solve(seed: Seed(4)) { random in
      [Double.random(in: 0...1, using: &random), Double.random(in: 0...1, using: &random)]
    }
    #expect(again.potentials == answer.potentials)
  }

  @Test("entropic ascent comes near Sinkhorn on the same points")
  func entropic() throws {
    var random = SplitMix64(Seed(5))
    let sources = try samplePoints(&random, count: 10, dimensions: 2)
    let targets = try samplePoints(&random, count: 8, dimensions: 2)
    let plain = try Sinkhorn(.epsilon(0.1), tolerance: 1e-10).solve(
      LinearProblem(PointCloud(sources, targets)))
    let answer = try StochasticSemiDual(targets: targets, epsilon: 0.1, steps: 4000).solve(
      seed: Seed(6)
    ) { random in Array(sources[Int.random(in: 0..<10, using: &random)]) }
    #expect(abs(answer.dual.mean - plain.certificate.dual) < 4 * answer.dual.standardError + 1e-3)
  }

  @Test("what cannot be solved is said exactly")
  func refusals() throws {
    #expect(
      message { _ = try UniformToPoints(domain: square.reversed()) }
        == "point-out-of-range: the polygon's 4 corners do not turn left at each (domain). Give at least 3 corners of a convex polygon, counterclockwise."
    )
    let same = try Points([0.5, 0.5, 0.5, 0.5], dimensions: 2)
    let outside = try Points([0.5, 0.5, 0.6, 3], dimensions: 2)
    #expect(
      message { _ = try UniformToPoints(domain: square).solve(outside) }
        == "point-out-of-range: the point has no Voronoi cell in the polygon (target 1). Leave out points that coincide, and move or scale points into the polygon."
    )
    #expect(message { _ = try UniformToPoints(domain: square).solve(same) } != nil)
    #expect(
      message { _ = try StochasticSemiDual(targets: same, epsilon: -1) }
        == "setting-out-of-range: ε is -1.0, the batch 32, steps 5000 and the rate 1.0 (stochastic semi-dual). Give ε of at least 0, and others above 0."
    )
  }
}
