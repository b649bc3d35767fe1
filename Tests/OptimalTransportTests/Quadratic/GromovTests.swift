// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Gromov–Wasserstein")
struct GromovTests {
  private func distances(_ points: Points, _ cost: PointCost = .euclidean) throws -> [Double] {
    try allCosts(PointCloud(points, points, cost: cost))
  }

  private func objective(
    _ a: [Double], _ b: [Double], _ p: DenseCoupling, _ costs: [Double]?, _ alpha: Double
  ) -> Double {
    let (n, m) = (p.rowCount, p.columnCount)
    var sum = 0.0
    for i in 0..<n {
      for j in 0..<m {
        sum += (1 - alpha) * (costs?[i * m + j] ?? 0) * p[i, j]
        for k in 0..<n {
          for l in 0..<m {
            let d = a[i * n + k] - b[j * m + l]
            sum += alpha * d * d * p[i, j] * p[k, l]
          }
        }
      }
    }
    return sum
  }

  @Test("a rotated, shifted, shuffled cloud is matched with itself", arguments: seeds(6))
  func isometry(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...14, using: &random)
    let x = try samplePoints(&random, count: n, dimensions: 2)
    let order = (0..<n).shuffled(using: &random)
    let y = try Points(
      order.flatMap { [3 - x[$0].last!, x[$0].first! + 1] }, dimensions: 2)
    // From a start that knows a little; from the product it may end in another optimum.
    var start = [Double](repeating: 0.2 / Double(n * n), count: n * n)
    for (j, i) in order.enumerated() { start[i * n + j] += 0.8 / Double(n) }
    let solution = try GromovWasserstein().solve(
      QuadraticProblem(rowDistances: distances(x), columnDistances: distances(y)), start: start)
    #expect(solution.cost < 1e-12)
    for (j, i) in order.enumerated() {
      #expect(abs(solution.coupling[i, j] - 1 / Double(n)) < 1e-9)
    }
  }

  @Test("the objective is what it says, never rises, and has a gap of 0", arguments: seeds(10))
  func laws(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...9, using: &random)
    let m = Int.random(in: 1...9, using: &random)
    let a = try distances(samplePoints(&random, count: n, dimensions: 3))
    let b = try distances(samplePoints(&random, count: m, dimensions: 2), .squaredEuclidean)
    let alpha = [1, 0.3, 0][Int(seed.value % 3)]
    let costs =
      alpha == 1 ? nil : (0..<n * m).map { _ in Double.random(in: -1...1, using: &random) }
    let problem = try QuadraticProblem(
      rowDistances: a, columnDistances: b, costs: costs, alpha: alpha,
      rowMasses: sampleMasses(&random, count: n, holes: true),
      columnMasses: sampleMasses(&random, count: m))
    let solution = try GromovWasserstein().solve(problem)
    #expect(abs(solution.cost - objective(a, b, solution.coupling, costs, alpha)) < 1e-12)
    #expect(zip(solution.costs, solution.costs.dropFirst()).allSatisfy { $1 <= $0 + 1e-12 })
    #expect(solution.gap < 1e-8)
    let plan = Coupling.dense(solution.coupling)
    let rows = try plan.applied(to: Array(repeating: 1, count: m))
    #expect(difference(rows, problem.rowMasses) < 1e-12)
    if alpha == 0, let costs {
      let linear = try NetworkSimplex().solve(
        LinearProblem(
          DenseCost(costs, rows: n, columns: m), rowMasses: problem.rowMasses,
          columnMasses: problem.columnMasses))
      #expect(abs(linear.transportCost - solution.cost) < 1e-9)
    }
  }

  @Test("POT's answers: conditional gradient from the same start, fused, entropic")
  func golden() throws {
    let given = try GoldenProblems.section("gromov")
    let a = try distances(points(given["x"], 3))
    let b = try distances(points(given["y"], 2))
    let plain = try QuadraticProblem(
      rowDistances: a, columnDistances: b, rowMasses: given["a"], columnMasses: given["b"])
    let solution = try GromovWasserstein().solve(plain)
    #expect(abs(solution.cost - given["gromov"]![0]) < 1e-9)
    let fused = try GromovWasserstein().solve(
      QuadraticProblem(
        rowDistances: a, columnDistances: b, costs: given["features"], alpha: 0.4,
        rowMasses: given["a"], columnMasses: given["b"]))
    #expect(abs(fused.cost - given["fused"]![0]) < 1e-9)
    let entropic = try EntropicGromov(
      Sinkhorn(.epsilon(given["epsilon"]![0]), tolerance: 1e-12), tolerance: 1e-10
    ).solve(plain)
    #expect(difference(entropic.coupling.masses, given["entropic"]!) < 1e-6)
  }

  @Test("partial: bounded masses, and all of it is the whole problem", arguments: seeds(5))
  func partial(seed: Seed) throws {
    var random = SplitMix64(seed)
    let (n, m) = (8, 6)
    let problem = try QuadraticProblem(
      rowDistances: distances(samplePoints(&random, count: n, dimensions: 2)),
      columnDistances: distances(samplePoints(&random, count: m, dimensions: 2)),
      rowMasses: sampleMasses(&random, count: n), columnMasses: sampleMasses(&random, count: m))
    let part = try GromovWasserstein(mass: 0.6).solve(problem)
    let plan = Coupling.dense(part.coupling)
    let rows = try plan.applied(to: Array(repeating: 1, count: m))
    #expect(zip(rows, problem.rowMasses).allSatisfy { $0 <= $1 + 1e-12 })
    #expect(abs(rows.reduce(0, +) - 0.6) < 1e-12)
    let all = try GromovWasserstein(mass: 1).solve(problem)
    let whole = try GromovWasserstein().solve(problem)
    #expect(abs(all.cost - whole.cost) < 1e-6)
    #expect(part.cost <= whole.cost + 1e-9)
  }

  @Test("two tables: POT's answer or better; a shuffled table costs nothing")
  func tables() throws {
    let given = try GoldenProblems.section("tables")
    let x = try points(given["x"], 4)
    let solution = try CoOptimalTransport().solve(x, points(given["y"], 5))
    #expect(solution.cost < given["cost"]![0] + 1e-9)
    #expect(zip(solution.costs, solution.costs.dropFirst()).allSatisfy { $1 <= $0 + 1e-13 })
    #expect(abs(solution.samples.certificate.gap) < 1e-12 && solution.features.isConverged)
  }

  @Test("what is no problem is refused")
  func refusals() throws {
    #expect(
      message { _ = try QuadraticProblem(rowDistances: [0, 1, 2, 0], columnDistances: [0]) }
        == "cost-out-of-range: one way is 1.0, the other 2.0 (row distances, 0 and 1). Distances must be finite and the same both ways."
    )
    #expect(
      message { _ = try QuadraticProblem(rowDistances: [0, 1, 2], columnDistances: [0]) }
        == "shape-mismatch: 3 distances (row distances). Give n × n of them.")
    #expect(
      message {
        _ = try GromovWasserstein().solve(
          QuadraticProblem(rowDistances: [0], columnDistances: [0], rowMasses: [2]))
      }
        == "mass-unequal: rows have a mass of 2.0 and columns of 1.0 (gromov-wasserstein). Scale one side, or give the mass to move."
    )
    #expect(
      message {
        _ = try QuadraticProblem(
          rowDistances: [0], columnDistances: [0], costs: nil, alpha: 0.5)
      }
        == "setting-out-of-range: alpha is 0.5 (quadratic problem). Give a share from 0 to 1, and costs where it is below 1."
    )
  }
}
