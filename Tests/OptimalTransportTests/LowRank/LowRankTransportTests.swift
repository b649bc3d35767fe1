// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Low-rank transport")
struct LowRankTransportTests {
  private func cloud(_ seed: Seed, _ n: Int, _ m: Int) throws -> PointCloud {
    var random = SplitMix64(seed)
    return try PointCloud(
      samplePoints(&random, count: n, dimensions: 2), samplePoints(&random, count: m, dimensions: 2)
    )
  }

  @Test("rank 1 is the independent coupling; greater ranks cost less, and no less than exact")
  func ranks() throws {
    var random = SplitMix64(Seed(3))
    let cloud = try cloud(Seed(1), 40, 30)
    let a = sampleMasses(&random, count: 40, holes: true)
    let b = sampleMasses(&random, count: 30)
    let problem = try LinearProblem(cloud, rowMasses: a, columnMasses: b)
    let exact = try NetworkSimplex().solve(problem).transportCost
    var independent = 0.0
    for i in 0..<40 { for j in 0..<30 { independent += a[i] * b[j] * cloud.cost(i, j) } }
    let one = try LowRankTransport(rank: 1).solve(problem)
    #expect(abs(one.transportCost - independent) < 1e-9)
    var last = independent
    for rank in [3, 10] {
      let answer = try LowRankTransport(rank: rank, unfinished: .isReturned).solve(problem)
      #expect(answer.rowError < 1e-9 && answer.columnError < 1e-4)
      #expect(answer.transportCost < last && answer.transportCost >= exact - 1e-8)
      let rows = try answer.applied(to: Array(repeating: 1, count: 30))
      #expect(zip(rows, a).allSatisfy { abs($0 - $1) < 1e-9 })
      last = answer.transportCost
    }
    #expect(last < exact + 0.3 * (independent - exact))
  }

  @Test("points in as many clusters as the rank move cluster by cluster")
  func clusters() throws {
    // Three pairs of points far apart, each going to a pair near by: the optimum has rank 3.
    let x = try Points([0, 0, 0, 0.1, 5, 0, 5, 0.1, 0, 5, 0, 5.1], dimensions: 2)
    let y = try Points([1, 0, 1, 0.1, 6, 0, 6, 0.1, 1, 5, 1, 5.1], dimensions: 2)
    let problem = try LinearProblem(PointCloud(x, y))
    let answer = try LowRankTransport(rank: 3, unfinished: .isReturned).solve(problem)
    #expect(answer.transportCost < 1.01)
    let dense = try LowRankTransport(rank: 3, unfinished: .isReturned).solve(
      LinearProblem(DenseCost(copying: PointCloud(x, y))))
    #expect(abs(dense.transportCost - answer.transportCost) < 1e-6)
  }

  @Test("settings out of range are said exactly")
  func refusals() throws {
    let problem = try LinearProblem(DenseCost([1], rows: 1, columns: 1))
    #expect(
      message { _ = try LowRankTransport(rank: 0).solve(problem) }
        == "setting-out-of-range: the rank is 0, the tolerance 1e-07 and stepsMax 2000 (low-rank transport). Give a rank of at least 1, and others above 0."
    )
  }
}
