// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Weak transport")
struct WeakTransportTests {
  @Test("POT's answer or better")
  func golden() throws {
    let given = try GoldenProblems.section("weak")
    let solution = try WeakTransport(tolerance: 1e-5).solve(
      points(given["x"], 2), points(given["y"], 2), rowMasses: given["a"],
      columnMasses: given["b"])
    // POT stops 1e-5 above.
    #expect(solution.certificate.primal <= given["cost"]![0])
    #expect(abs(solution.certificate.primal - given["cost"]![0]) < 3e-5)
  }

  @Test(
    "below the squared distance, with marginals kept and a bound that holds", arguments: seeds(8))
  func laws(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...12, using: &random)
    let m = Int.random(in: 1...12, using: &random)
    let x = try samplePoints(&random, count: n, dimensions: 2)
    let y = try samplePoints(&random, count: m, dimensions: 2)
    let a = sampleMasses(&random, count: n, holes: true)
    let solution = try WeakTransport(tolerance: 1e-3).solve(x, y, rowMasses: a)
    let strong = try NetworkSimplex().solve(LinearProblem(PointCloud(x, y), rowMasses: a))
    #expect(solution.certificate.primal <= strong.transportCost + 1e-12)
    #expect(solution.certificate.marginalError < 1e-12 && solution.certificate.gap < 1e-2)
    let finer = try WeakTransport(tolerance: 1e-4).solve(x, y, rowMasses: a)
    #expect(finer.certificate.primal >= solution.certificate.dual - 1e-12)
  }

  @Test("clouds of some tens of points are proven to a millionth", arguments: seeds(3))
  func fine(seed: Seed) throws {
    var random = SplitMix64(seed)
    let x = try samplePoints(&random, count: 30, dimensions: 2)
    let y = try samplePoints(&random, count: 40, dimensions: 2)
    let solution = try WeakTransport(iterationsMax: 300).solve(
      x, y, rowMasses: sampleMasses(&random, count: 30, holes: true))
    #expect(solution.certificate.gap < 1e-6 && solution.certificate.marginalError < 1e-12)
  }

  @Test("means of what is spread cost nothing")
  func martingale() throws {
    let x = try Points([0, 10], dimensions: 1)
    let y = try Points([-1, 1, 8, 12], dimensions: 1)
    let solution = try WeakTransport().solve(x, y)
    #expect(solution.certificate.primal < 1e-12)
    #expect(difference(solution.images.coordinates, [0, 10]) < 1e-9)
  }
}
