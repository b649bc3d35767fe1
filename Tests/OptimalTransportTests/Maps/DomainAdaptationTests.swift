// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Domain adaptation")
struct DomainAdaptationTests {
  @Test("labels keep classes apart: each target takes from one", arguments: seeds(3))
  func classes(seed: Seed) throws {
    var random = SplitMix64(seed)
    // Two classes near each other; targets are shifted across the border.
    let labels = (0..<40).map { $0 % 2 }
    let sources = try Points(
      labels.flatMap {
        [
          Double($0) + Double.random(in: -0.6...0.6, using: &random),
          Double.random(in: -0.5...0.5, using: &random),
        ]
      }, dimensions: 2)
    let targets = try Points(
      (0..<40).flatMap {
        [
          Double($0 % 2) + 0.7 + Double.random(in: -0.3...0.3, using: &random),
          0.5 + Double.random(in: -0.5...0.5, using: &random),
        ]
      }, dimensions: 2)
    let sinkhorn = Sinkhorn(.epsilon(0.05))
    let problem = try LinearProblem(PointCloud(sources, targets))
    let plain = try DomainAdaptation(sinkhorn).solve(problem, labels: labels)
    let aware = try DomainAdaptation(sinkhorn, classStrength: 0.1).solve(problem, labels: labels)
    /// The mass of each target beside that of its main class.
    func mixed(_ solution: DomainAdaptation.Solution) -> Double {
      let plan = solution.solution.coupling.dense()
      return (0..<40).reduce(0.0) { sum, j in
        let first = (0..<40).filter { labels[$0] == 0 }.reduce(0) { $0 + plan[$1, j] }
        let second = (0..<40).filter { labels[$0] == 1 }.reduce(0) { $0 + plan[$1, j] }
        return sum + min(first, second)
      }
    }
    #expect(mixed(aware) < 0.7 * mixed(plain))
    #expect(aware.solution.isConverged && aware.spread.count == 9)
  }

  @Test("as often linearized the coupling is POT's, and cost and spread are its own")
  func golden() throws {
    let given = try GoldenProblems.section("class_roots")
    let problem = try LinearProblem(
      PointCloud(points(given["x"], 2), points(given["y"], 2)), rowMasses: given["a"],
      columnMasses: given["b"])
    let answer = try DomainAdaptation(
      Sinkhorn(.epsilon(0.5), tolerance: 1e-12), classStrength: 0.3
    ).solve(problem, labels: (0..<24).map { $0 % 3 })
    let plan = answer.solution.coupling.dense()
    let classes = (0..<3).flatMap { own in
      (0..<20).map { j in (0..<24).filter { $0 % 3 == own }.reduce(0) { $0 + plan[$1, j] } }
    }
    #expect(try difference(classes, #require(given["classes"])) < 1e-10)
    #expect(abs(answer.transportCost - given["cost"]![0]) < 1e-10)
    let spread = 0.3 * classes.reduce(0) { $0 + ($1 + 1e-3).squareRoot() }
    #expect(abs(answer.spread.last! - spread) < 1e-10)
  }

  @Test(
    "a source of no known class costs what it did; others cost the slope of their class's root more"
  )
  func unknown() throws {
    var random = SplitMix64(Seed(5))
    let problem = try LinearProblem(
      PointCloud(
        samplePoints(&random, count: 9, dimensions: 2),
        samplePoints(&random, count: 8, dimensions: 2)))
    let sinkhorn = Sinkhorn(.epsilon(0.05), tolerance: 1e-11)
    let answer = try DomainAdaptation(
      sinkhorn, classStrength: 0.4, leastMass: 0.01, linearizations: 1
    ).solve(problem, labels: (0..<9).map { $0 < 5 ? 3 : -1 })
    let plain = try sinkhorn.solve(problem).coupling.dense()
    var costs = try allCosts(problem.geometry)
    for k in 0..<5 * 8 {
      let mass = (0..<5).reduce(0) { $0 + plain[$1, k % 8] }
      costs[k] += 0.2 / (mass + 0.01).squareRoot()
    }
    let own = try sinkhorn.solve(LinearProblem(DenseCost(costs, rows: 9, columns: 8)))
    #expect(difference(answer.solution.coupling.dense().masses, own.coupling.dense().masses) < 1e-9)
    #expect(difference(plain.masses, own.coupling.dense().masses) > 1e-3)
  }

  @Test("labels and settings that do not fit are refused")
  func refusals() throws {
    let problem = try LinearProblem(DenseCost([0, 1, 1, 0], rows: 2, columns: 2))
    var solver = DomainAdaptation(Sinkhorn(.epsilon(1)))
    #expect(
      message { _ = try solver.solve(problem, labels: [0]) }
        == "shape-mismatch: 1 labels for 2 sources (domain adaptation). Give one label for each source, below 0 if unknown."
    )
    solver.leastMass = 0
    #expect(
      message { _ = try solver.solve(problem, labels: [0, 1]) }
        == "setting-out-of-range: the class strength is 0.0, the least mass 0.0 and linearizations 9 (domain adaptation). Give a strength and linearizations of at least 0, and a mass above 0."
    )
  }
}
