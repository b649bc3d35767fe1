// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Batches")
struct TransportSolverTests {
  private func problems(_ count: Int) throws -> [LinearProblem] {
    var random = SplitMix64(Seed(3))
    return try (0..<count).map { k in
      try LinearProblem(
        PointCloud(
          samplePoints(&random, count: 5 + k % 7, dimensions: 2),
          samplePoints(&random, count: 5 + k % 7, dimensions: 2)))
    }
  }

  @Test("a batch gives what its problems give one by one, in their order", arguments: [0, 1, 300])
  func sameAsAlone(count: Int) throws {
    let problems = try problems(count)
    func check(_ solver: some TransportSolver) throws {
      let all = try solver.solve(all: problems, threads: Threads(3))
      #expect(all.count == count)
      for (problem, solution) in zip(problems, all) {
        let alone = try solver.solve(problem)
        #expect(alone.transportCost == solution.transportCost)
        #expect(alone.rowPotentials == solution.rowPotentials)
      }
    }
    try check(Assignment())
    try check(NetworkSimplex())
    try check(Sinkhorn(.shareOfMeanCost(0.1)))
    try check(SinkhornNewton(.shareOfMeanCost(0.1)))
  }

  @Test("of problems that fail, the first is named")
  func failing() throws {
    var all = try problems(20)
    let bad = try LinearProblem(DenseCost([1, 2], rows: 1, columns: 2), rowMasses: [3])
    all[7] = bad
    all[9] = bad
    #expect(
      message { _ = try Assignment().solve(all: all) }?.contains("(problem 7, assignment)") == true)
  }
}
