// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Low-rank Gromov–Wasserstein")
struct LowRankGromovTests {
  /// `Q diag(1/g) Rᵀ`, row after row.
  private func dense(_ answer: LowRankTransport.Answer) -> [[Double]] {
    let rank = answer.middle.count
    return (0..<answer.left.count / rank).map { i in
      (0..<answer.right.count / rank).map { j in
        (0..<rank).reduce(0) {
          $0 + answer.left[i * rank + $1] * answer.right[j * rank + $1] / answer.middle[$1]
        }
      }
    }
  }

  private func objective(
    _ a: [Double], _ b: [Double], _ p: [[Double]], _ costs: [Double]?, _ alpha: Double
  ) -> Double {
    let (n, m) = (p.count, p[0].count)
    var sum = 0.0
    for i in 0..<n {
      for j in 0..<m {
        sum += (1 - alpha) * (costs?[i * m + j] ?? 0) * p[i][j]
        for k in 0..<n {
          for l in 0..<m {
            let d = a[i * n + k] - b[j * m + l]
            sum += alpha * d * d * p[i][j] * p[k][l]
          }
        }
      }
    }
    return sum
  }

  private func squares(_ points: Points) throws -> [Double] {
    try allCosts(PointCloud(points, points))
  }

  @Test("the objective is what it says, and falls from rank 1", arguments: seeds(6))
  func laws(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 2...9, using: &random)
    let m = Int.random(in: 2...9, using: &random)
    let a = try squares(samplePoints(&random, count: n, dimensions: 2))
    let b = try squares(samplePoints(&random, count: m, dimensions: 3))
    let alpha = [1, 0.4][Int(seed.value % 2)]
    let costs =
      alpha == 1 ? nil : (0..<n * m).map { _ in Double.random(in: 0...1, using: &random) }
    let rows = sampleMasses(&random, count: n, holes: true)
    let problem = try QuadraticProblem(
      rowDistances: a, columnDistances: b, costs: costs, alpha: alpha, rowMasses: rows,
      columnMasses: sampleMasses(&random, count: m))
    let one = try LowRankGromov(rank: 1).solve(problem)
    let two = try LowRankGromov(rank: 2, unfinished: .isReturned).solve(problem)
    for solution in [one, two] {
      let own = objective(a, b, dense(solution.factors), costs, alpha)
      #expect(abs(own - solution.cost) < 1e-6)
      #expect(solution.factors.rowError < 1e-9 && solution.factors.columnError < 1e-4)
    }
    #expect(two.cost <= one.cost + 1e-6)
    let product = objective(
      a, b, rows.map { r in problem.columnMasses.map { r * $0 } }, costs, alpha)
    #expect(abs(one.cost - product) < 1e-9)
  }

  @Test(
    "clusters are matched by their distances, points or distances given; POT's cost is undercut")
  func golden() throws {
    let given = try GoldenProblems.section("low_rank_gromov")
    let x = try points(given["x"], 2)
    let y = try points(given["y"], 2)
    let solver = LowRankGromov(rank: 3, unfinished: .isReturned)
    let solution = try solver.solve(x, y)
    #expect(solution.cost <= given["best"]![0])
    // Within clusters nothing is told apart at this rank: that is what is left.
    let clusters = (0..<30).map { i in
      (0..<24).map { j in i % 3 == j % 3 ? 1.0 / 240 : 0 }
    }
    let left = try objective(squares(x), squares(y), clusters, nil, 1)
    #expect(solution.cost < 1.01 * left)
    let distances = try solver.solve(
      QuadraticProblem(rowDistances: squares(x), columnDistances: squares(y)))
    #expect(abs(distances.cost - solution.cost) < 0.01 * solution.cost)
    // Points i of x and j of y are of the same cluster where i ≡ j mod 3.
    let plan = dense(solution.factors)
    for i in plan.indices {
      let own = plan[i].indices.reduce(0.0) { $1 % 3 == i % 3 ? $0 + plan[i][$1] : $0 }
      #expect(own > 0.99 / 30)
    }
  }

  @Test("no order of points matters")
  func order() throws {
    let given = try GoldenProblems.section("low_rank_gromov")
    let x = try points(given["x"], 2)
    let y = try points(given["y"], 2)
    let solver = LowRankGromov(rank: 3, unfinished: .isReturned)
    let turned = try Points(
      (0..<x.count).reversed().flatMap { Array(x[$0]) }, dimensions: 2)
    let (one, other) = try (solver.solve(x, y), solver.solve(turned, y))
    #expect(abs(one.cost - other.cost) < 1e-6 * one.cost)
  }

  @Test("settings out of range are said exactly")
  func refusals() throws {
    let x = try Points([0, 1], dimensions: 1)
    #expect(
      message { _ = try LowRankGromov(rank: 0).solve(x, x) }
        == "setting-out-of-range: the rank is 0, the tolerance 1e-07 and stepsMax 2000 (low-rank gromov-wasserstein). Give a rank of at least 1, and others above 0."
    )
  }
}
