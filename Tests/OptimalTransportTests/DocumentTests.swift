// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Docs/optimal-transport.md")
struct DocumentTests {
  @Test("its example runs, and gives what can be worked out by hand")
  func example() throws {
    let sources = try Points([0, 0, 1, 0, 0, 1], dimensions: 2)
    let targets = try Points([2, 0, 3, 0], dimensions: 2)
    let problem = try LinearProblem(
      PointCloud(sources, targets, cost: .squaredEuclidean), rowMasses: [0.5, 0.25, 0.25])

    let exact = try NetworkSimplex().solve(problem)
    let soft = try Sinkhorn(.shareOfMeanCost(0.01)).solve(problem)
    let pulled = try soft.coupling.applied(to: [1, 0])

    // Past the nearer target lie 5 − 2x more: the quarter at x = 1 goes on for 3 each, and any
    // other quarter for 5; to the nearer target all cost 1, 4 and 5 each.
    #expect(abs(exact.transportCost - (0.25 * (1 + 3) + 0.5 * 4 + 0.25 * 5 + 0.25 * 5)) < 1e-12)
    #expect(exact.certificate.gap < 1e-12 && soft.isConverged)
    #expect(abs(pulled.reduce(0, +) - 0.5) < 1e-6)
  }

  @Test("the other problems' examples run, and give what can be worked out by hand")
  func problems() throws {
    let sources = try Points([0, 0, 1, 0, 0, 1], dimensions: 2)
    let targets = try Points([5, 0, 6, 0, 5, 1], dimensions: 2)
    let newcomers = try Points([1, 1], dimensions: 2)

    let w2 = try OneDimensional().distance([3, -1, 0], [10, 12, 11])
    let hours = try Circle(length: 24, power: 1).solve([23], [1])
    let sliced = try Sliced(directions: 200, seed: Seed(1))(sources, targets)
    let tree = try TreeMetric(parents: [-1, 0, 0], lengths: [0, 2, 3]).solve(
      from: [0, 1, 0], to: [0, 0, 1])
    let map = try Gaussian(of: sources).map(to: Gaussian(of: targets))

    #expect(abs(w2 * w2 - (121 + 121 + 81) / 3) < 1e-12)
    #expect(abs(hours.distance - 2) < 1e-12 && tree.cost == 5)
    // A shift by 5: in direction θ a cost of 25 cos² θ, half of 25 on the mean.
    #expect(abs(sliced.cost - 12.5) < 4 * sliced.standardError)
    #expect(difference(map([0, 0]), [5, 0]) < 1e-9)

    let solution = try Assignment().solve(LinearProblem(PointCloud(sources, targets)))
    let moved = try BarycentricMap(solution.coupling, from: sources, to: targets)(newcomers)
    let gap = try MongeGap()(sources, targets).gap

    #expect(difference(moved.coordinates, [6, 1]) < 1e-12 && abs(gap) < 1e-12)
  }
}
