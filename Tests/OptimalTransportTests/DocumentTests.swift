// SPDX-License-Identifier: Apache-2.0

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
}
