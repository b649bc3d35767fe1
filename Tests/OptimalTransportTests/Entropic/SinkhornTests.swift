// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Synchronization
import Testing

@Suite("Sinkhorn")
struct SinkhornTests {
  private func problem(
    _ seed: Seed, _ n: Int, _ m: Int, holes: Bool = false, levels: Int? = nil
  ) throws -> LinearProblem {
    var random = SplitMix64(seed)
    return try LinearProblem(
      PointCloud(
        samplePoints(&random, count: n, dimensions: 2, levels: levels),
        samplePoints(&random, count: m, dimensions: 2, levels: levels)),
      rowMasses: sampleMasses(&random, count: n, holes: holes),
      columnMasses: sampleMasses(&random, count: m, holes: holes))
  }

  @Test(
    "marginals to the tolerance, measured on the coupling itself", arguments: seeds(6),
    [1.0, 0.1, 0.01])
  func marginals(seed: Seed, share: Double) throws {
    let problem = try problem(seed, 30 + Int(seed.value), 47, holes: seed.value % 2 == 0)
    let solution = try Sinkhorn(.shareOfMeanCost(share), tolerance: 1e-9).solve(problem)
    let rows = try solution.coupling.applied(to: Array(repeating: 1, count: 47))
    let columns = try solution.coupling.transposeApplied(
      to: Array(repeating: 1, count: problem.rowMasses.count))
    let error =
      zip(rows, problem.rowMasses).reduce(0) { $0 + abs($1.0 - $1.1) }
      + zip(columns, problem.columnMasses).reduce(0) { $0 + abs($1.0 - $1.1) }
    #expect(error < 1e-9)
    #expect(abs(error - solution.certificate.marginalError) < 1e-14)
    #expect(abs(solution.certificate.gap) < 1e-8)
  }

  @Test("log-sum-exp, scaling and lean memory end at one solution", arguments: [0.5, 0.05, 0.01])
  func forms(share: Double) throws {
    let problem = try problem(Seed(5), 60, 40, holes: true)
    let reference = try Sinkhorn(
      .shareOfMeanCost(share), tolerance: 1e-10, iterationsMax: 100_000, form: .logarithmic
    ).solve(problem)
    for memory in [Sinkhorn.Memory.automatic, .lean] {
      let solution = try Sinkhorn(
        .shareOfMeanCost(share), tolerance: 1e-10, iterationsMax: 100_000, memory: memory
      ).solve(problem)
      #expect(abs(solution.transportCost / reference.transportCost - 1) < 1e-8)
      #expect(abs(solution.certificate.primal - reference.certificate.primal) < 1e-9)
      #expect(abs(solution.certificate.dual - reference.certificate.dual) < 1e-12)
      // Potentials are free by a constant, rows against columns; no mass, no freedom besides.
      let shift = solution.rowPotentials[0] - reference.rowPotentials[0]
      for i in reference.rowPotentials.indices {
        #expect(abs(solution.rowPotentials[i] - reference.rowPotentials[i] - shift) < 1e-6)
      }
      for j in reference.columnPotentials.indices {
        #expect(abs(solution.columnPotentials[j] - reference.columnPotentials[j] + shift) < 1e-6)
      }
    }
  }

  @Test("two points by hand: the coupling's one free entry solves its equation")
  func byHand() throws {
    // Costs 0 and 1, equal masses: P₀₀ = 1/2 · 1/(1 + e^(−1/ε)).
    let problem = try LinearProblem(DenseCost([0, 1, 1, 0], rows: 2, columns: 2))
    let solution = try Sinkhorn(.epsilon(0.5), tolerance: 1e-14).solve(problem)
    let expected = 0.5 / (1 + 0.1353352832366127)
    #expect(abs(solution.coupling.dense()[0, 0] - expected) < 1e-14)
    #expect(abs(solution.transportCost - (1 - 2 * expected)) < 1e-14)
  }

  @Test("small ε meets exact, from above, within ε log n", arguments: seeds(4))
  func meetsExact(seed: Seed) throws {
    let problem = try problem(seed, 30, 30)
    let exact = try NetworkSimplex().solve(problem).transportCost
    var last = Double.infinity
    for share in [0.1, 0.01, 0.001] {
      let solution = try Sinkhorn(
        .shareOfMeanCost(share), tolerance: 1e-9, iterationsMax: 200_000
      ).solve(problem)
      let excess = solution.transportCost - exact
      let mean = try CostRange(of: problem.geometry).mean
      #expect(excess > -1e-8 && excess <= share * mean * 3.5 + 1e-8)
      #expect(excess < last)
      last = excess
    }
  }

  @Test(
    "never NaN and never empty, down to 1e-6 of the mean cost",
    arguments: [1e-3, 1e-4, 1e-5, 1e-6], [nil, 3])
  func tinyEpsilon(share: Double, levels: Int?) throws {
    for form in [Sinkhorn.Form.automatic, .logarithmic] {
      let problem = try problem(Seed(8), 50, 60, holes: true, levels: levels)
      let solution = try Sinkhorn(
        .shareOfMeanCost(share), iterationsMax: 400, form: form, unfinished: .isReturned
      ).solve(problem)
      #expect(solution.certificate.primal.isFinite && solution.certificate.dual.isFinite)
      #expect(solution.rowPotentials.allSatisfy { $0.isFinite })
      #expect(solution.columnPotentials.allSatisfy { $0.isFinite })
      #expect(abs(solution.certificate.mass - 1) < 0.5)
      let exact = try NetworkSimplex().solve(problem).transportCost
      // The dual of any state bounds the regularized optimum, which is at most exact + ε log(n).
      let mean = try CostRange(of: problem.geometry).mean
      #expect(solution.certificate.dual <= exact + share * mean * 4.2 + 1e-9)
    }
  }

  @Test("where sums leave what scaling can use, exact steps take over, to the same end")
  func exactSteps() throws {
    let problem = try problem(Seed(6), 40, 30, holes: true)
    let plain = try Sinkhorn(.shareOfMeanCost(0.02), tolerance: 1e-9).solve(problem)
    for memory in [Sinkhorn.Memory.automatic, .lean] {
      for usable in [0.9...1.1, 0...0] {
        var solver = Sinkhorn(
          .shareOfMeanCost(0.02), tolerance: 1e-9, iterationsMax: 20_000, memory: memory)
        solver.usableSums = usable
        let solution = try solver.solve(problem)
        #expect(abs(solution.transportCost - plain.transportCost) < 1e-8)
        #expect(solution.iterations > plain.iterations)
      }
    }
  }

  @Test("long chains and costs of many scales, at a millionth of the mean cost")
  func hard() throws {
    for (name, problem) in try hardProblems() {
      for memory in [Sinkhorn.Memory.automatic, .lean] {
        let solution = try Sinkhorn(
          .shareOfMeanCost(1e-6), iterationsMax: 600, memory: memory, unfinished: .isReturned
        ).solve(problem)
        #expect(solution.certificate.primal.isFinite && solution.certificate.dual.isFinite)
        #expect(abs(solution.certificate.mass - 1) < 0.5, "\(name)")
        let exact = try NetworkSimplex().solve(problem).transportCost
        let mean = try CostRange(of: problem.geometry).mean
        let bound = exact + 6e-6 * mean + 1e-9
        #expect(solution.certificate.dual <= bound, "\(name)")
      }
    }
  }

  /// Long chains, where potentials have far to go, and costs of many scales.
  private func hardProblems() throws -> [(String, LinearProblem)] {
    let line = try Points((0..<200).map { Double($0) / 200 }, dimensions: 1)
    let left = (0..<200).map { Double(200 - $0) / 20_100 }
    let falling = try LinearProblem(
      PointCloud(line, line), rowMasses: left, columnMasses: left.reversed())
    let steep = (0..<200).map { 1e-9 + ($0 < 10 ? 0.1 : 0) }
    let jump = try LinearProblem(
      PointCloud(line, line, cost: .euclidean), rowMasses: steep, columnMasses: steep.reversed())
    var random = SplitMix64(Seed(77))
    let scales = try LinearProblem(
      DenseCost(
        (0..<6400).map { _ in pow(10, Double.random(in: -6...0, using: &random)) }, rows: 80,
        columns: 80))
    let cycle = try LinearProblem(
      DenseCost(
        (0..<6400).map { k in
          let step = (k % 80 - k / 80 + 80) % 80
          return step < 2 ? Double(step * (k / 80)) : 1000
        }, rows: 80, columns: 80))
    return [("falling", falling), ("jump", jump), ("scales", scales), ("cycle", cycle)]
  }

  @Test("one point a side, points that coincide, masses of any total")
  func degenerate() throws {
    let single = try Sinkhorn(.epsilon(0.1)).solve(
      LinearProblem(DenseCost([3], rows: 1, columns: 1), rowMasses: [2]))
    #expect(abs(single.transportCost - 6) < 1e-12 && single.isConverged)
    let same = try Points([1, 1, 1, 1, 1, 1], dimensions: 2)
    let zero = try Sinkhorn(.shareOfMeanCost(0.01)).solve(LinearProblem(PointCloud(same, same)))
    #expect(zero.transportCost == 0)
    #expect(abs(zero.coupling.dense()[0, 1] - 1.0 / 9) < 1e-15)
    let heavy = try LinearProblem(
      DenseCost([0, 1, 1, 0], rows: 2, columns: 2), rowMasses: [3000, 1000])
    let solution = try Sinkhorn(.epsilon(0.5), tolerance: 1e-10).solve(heavy)
    #expect(abs(solution.certificate.mass - 4000) < 1e-6)
    #expect(solution.certificate.marginalError < 4e-7)
  }

  @Test("settings out of range, and too few iterations, are said exactly")
  func refusals() throws {
    let problem = try problem(Seed(2), 20, 20)
    func refusal(_ solver: Sinkhorn) -> String? { message { _ = try solver.solve(problem) } }
    #expect(
      refusal(Sinkhorn(.epsilon(0)))
        == "setting-out-of-range: the strength is 0.0 (sinkhorn). Give a strength above 0; for none use NetworkSimplex or Assignment."
    )
    #expect(
      refusal(Sinkhorn(.shareOfMeanCost(.nan)))
        == "setting-out-of-range: the strength is nan (sinkhorn). Give a strength above 0; for none use NetworkSimplex or Assignment."
    )
    #expect(
      refusal(Sinkhorn(.epsilon(1), tolerance: 0))
        == "setting-out-of-range: the tolerance is 0.0 (sinkhorn). Give a marginal error above 0 and below 2, which any coupling meets; 1e-6 is usual."
    )
    #expect(
      refusal(Sinkhorn(.epsilon(1), iterationsMax: 0))
        == "setting-out-of-range: iterationsMax is 0 (sinkhorn). Allow at least 1 iteration.")
    let large = try LinearProblem(DenseCost([0, 1e20], rows: 1, columns: 2))
    #expect(
      message { _ = try Sinkhorn(.epsilon(1)).solve(large) }
        == "setting-out-of-range: epsilon is 1.0 for costs of up to 1e+20 (sinkhorn). Give at least 1e-14 of the greatest cost, above 0, and at most 1e+250, or use NetworkSimplex."
    )
    do {
      _ = try Sinkhorn(.epsilon(0.001), tolerance: 1e-12, iterationsMax: 7).solve(problem)
      Issue.record("7 passes are too few")
    } catch {
      let best = try #require(error.best)
      #expect(best.iterations == 7 && !best.isConverged)
      let state = best.certificate
      let expected = [
        "not-converged: after 7 iterations the marginal error is \(state.marginalError)",
        "and the gap \(state.gap); a marginal error of 1e-12 was asked for",
        "(sinkhorn, epsilon 0.001). Raise iterationsMax, epsilon or tolerance, or take the",
        "best state from the error.",
      ].joined(separator: " ")
      #expect("\(error)" == expected)
    }
  }

  @Test("few passes reach the solution of many plain ones", arguments: [false, true])
  func fewPasses(areApart: Bool) throws {
    var random = SplitMix64(Seed(31))
    func cloud() throws -> Points {
      // Two crowds far apart are the slowest to agree how much mass crosses.
      var all = try samplePoints(&random, count: 200, dimensions: 2).coordinates
      if areApart { for k in 0..<200 { all[k] += 1.2 } }
      return try Points(all, dimensions: 2)
    }
    let problem = try LinearProblem(PointCloud(cloud(), cloud()))
    let plain = try Sinkhorn(
      .shareOfMeanCost(0.1), tolerance: 1e-8, iterationsMax: 5000, form: .logarithmic
    ).solve(problem)
    for memory in [Sinkhorn.Memory.automatic, .lean] {
      let solution = try Sinkhorn(
        .shareOfMeanCost(0.1), tolerance: 1e-8, form: .scaling, memory: memory
      ).solve(problem)
      #expect(plain.iterations > 3 * solution.iterations)
      #expect(solution.iterations <= 40)
      #expect(abs(solution.certificate.primal - plain.certificate.primal) < 1e-8)
      let shift = solution.rowPotentials[0] - plain.rowPotentials[0]
      for i in plain.rowPotentials.indices {
        #expect(abs(solution.rowPotentials[i] - plain.rowPotentials[i] - shift) < 1e-5)
      }
    }
  }

  @Test("the same bits for every count of threads", arguments: [Sinkhorn.Memory.automatic, .lean])
  func threads(memory: Sinkhorn.Memory) throws {
    // Large enough for several parts.
    let problem = try problem(Seed(9), 300, 260)
    let solutions = try [1, 2, 5].map { count in
      try Sinkhorn(.shareOfMeanCost(0.05), memory: memory, threads: Threads(count)).solve(problem)
    }
    for solution in solutions[1...] {
      #expect(solution.rowPotentials == solutions[0].rowPotentials)
      #expect(solution.certificate == solutions[0].certificate)
    }
  }

  @Test("from the potentials of a problem near by it takes fewer passes, and reports them")
  func warmStart() throws {
    var solver = Sinkhorn(.epsilon(0.01), tolerance: 1e-9)
    let problem = try problem(Seed(10), 50, 60)
    let cold = try solver.solve(problem)
    solver.initial = cold.potentials
    let reports = Mutex<[Int]>([])
    solver.progress = { step in reports.withLock { $0.append(step.iterations) } }
    let warm = try solver.solve(problem)
    #expect(warm.iterations * 5 < cold.iterations)
    #expect(reports.withLock { $0.last } == warm.iterations)
    #expect(abs(warm.transportCost - cold.transportCost) < 1e-9)
    solver.initial = Potentials(rows: [1], columns: [2])
    #expect(
      message { _ = try solver.solve(problem) }
        == "shape-mismatch: 1 and 1 potentials for 50 rows and 60 columns (initial potentials). Give one for each row and column."
    )
  }

  @Test("begun with some of the points it ends at the same solution", arguments: [2, 4])
  func coarse(dimensions: Int) throws {
    var random = SplitMix64(Seed(12))
    let problem = try LinearProblem(
      PointCloud(
        samplePoints(&random, count: 500, dimensions: dimensions),
        samplePoints(&random, count: 400, dimensions: dimensions)),
      rowMasses: sampleMasses(&random, count: 500, holes: true))
    let plain = try Sinkhorn(.shareOfMeanCost(0.02), tolerance: 1e-9).solve(problem)
    var solver = Sinkhorn(.shareOfMeanCost(0.02), tolerance: 1e-9, memory: .lean)
    solver.coarseEntries = 1000
    solver.coarsePoints = 90
    let coarse = try solver.solve(problem)
    #expect(abs(coarse.transportCost - plain.transportCost) < 1e-8)
    let untouched = try Sinkhorn(.shareOfMeanCost(0.02), tolerance: 1e-9, memory: .lean)
      .solve(problem)
    #expect(coarse.iterations < untouched.iterations)
  }
}
