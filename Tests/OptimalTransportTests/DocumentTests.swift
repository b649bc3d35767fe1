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

    let loose = try UnbalancedProblem(
      problem.geometry, rowMasses: [0.5, 0.25, 0.25], columnMasses: [1, 1],
      rowPenalty: .kullbackLeibler(1), columnPenalty: .totalVariation(2))
    let partial = try Sinkhorn(.epsilon(0.1)).solve(loose)
    let many = try Assignment().solve(all: [
      LinearProblem(PointCloud(targets, targets)), LinearProblem(PointCloud(sources, sources)),
    ])
    let cloud = try PointCloud(sources, targets)
    let slope = try TransportGradient(of: soft, cloud, problem: problem).sources

    let routed = try SmoothTransport(.sparse(0.1, entriesMax: 2)).solve(problem)
    let tokens = routed.solution.coupling.dense()
    let grouped = try GroupLassoTransport(Sinkhorn(.epsilon(0.1)), groupStrength: 1).solve(
      problem, groups: [0, 1, 1])

    // One half is the first row's, the other the others': four entries at most, two a column.
    #expect((0..<2).allSatisfy { column in (0..<3).count { tokens[$0, column] > 0 } <= 2 })
    #expect(routed.solution.certificate.marginalError < 1e-8)
    #expect(grouped.purity > 0.9 && grouped.solution.certificate.relativeGap <= 1e-6)
    #expect(abs(partial.certificate.gap) < 1e-5 && many.allSatisfy { $0.transportCost == 0 })
    // Everything lies to the right: costs fall as sources move there.
    #expect(slope[0] < 0 && slope[2] < 0 && slope[4] < 0)
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

    let loose = try LowRankGromov(rank: 2, unfinished: .isReturned).solve(sources, targets)
    let through = try loose.factors.applied(to: [1, 0, 0])

    #expect(loose.cost > 0 && abs(through.reduce(0, +) - 1 / 3.0) < 1e-4)

    let taught = try CodebookTraining(parts: 2, codewords: 3, assignment: .even).taught(on: sources)
    let codes = try taught.quantizer.codes(of: targets)
    let nearest = try taught.quantizer.search([5, 0], in: codes, count: 1)

    #expect(taught.loadMost == 1 && codes.count == 6 && nearest.count == 1)
  }

  @Test("examples of choosing data run, and choose what is near")
  func choosing() throws {
    let pool = try Points([0, 0, 1, 0.5, 0, 1, 9, 9, 8, 9.5, 9, 8], dimensions: 2)
    let wanted = try Points([9, 8.5, 8.5, 9, 9.5, 9.5], dimensions: 2)

    let features = try WhitenedFeatures(pool: pool, targets: wanted)
    let selection = TargetedSelection()
    let two = try selection.choose(2, from: features.pool, for: features.targets).indices
    let enough = try selection.chooseWhileNearer(
      from: features.pool, for: features.targets, folds: 3, seed: Seed(1)
    ).indices

    let distance = try MixtureDistance(PointCloud(pool, wanted), sourceOf: [0, 0, 0, 1, 1, 1])
    let nearer = try distance([0.5, 0.5]).slopes
    let runs = try [[1, 0], [0.5, 0.5], [0.2, 0.8]].map { shares in
      try PilotRun(mixture: shares, distance: distance(shares).distance, performance: 0.5)
    }
    let predictor = try MixturePredictor(runs)

    #expect(two.count == 2 && two.allSatisfy { $0 > 2 } && enough.allSatisfy { $0 > 2 })
    // The second source lies where the targets are.
    #expect(nearer[0] > 0 && nearer[1] < 0)
    #expect(abs(predictor([0, 1], distance: 3) - 0.5) < 1e-9)
  }
}
