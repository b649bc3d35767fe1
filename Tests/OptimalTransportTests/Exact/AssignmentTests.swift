// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Assignment")
struct AssignmentTests {
  private func columns(_ solution: TransportSolution) throws -> [Int] {
    guard case .sparse(let coupling) = solution.coupling else {
      throw TransportError(.badSetting, "not sparse", at: "test", remedy: "")
    }
    return coupling.columns
  }

  @Test("the best of all permutations, ties and negative costs included", arguments: seeds(150))
  func bruteForce(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = 1 + Int(seed.value % 7)
    let levels = [3, 1000][Int(seed.value % 2)]
    let costs = (0..<n * n).map { _ in
      Double(Int.random(in: -levels...levels, using: &random)) / 8
    }
    let geometry = try DenseCost(costs, rows: n, columns: n)
    let solution = try Assignment().solve(
      LinearProblem(geometry, rowMasses: Array(repeating: 1, count: n)))
    let best = permutations(n).map { order in
      order.enumerated().reduce(0.0) { $0 + costs[$1.offset * n + $1.element] }
    }.min()!
    #expect(abs(solution.transportCost - best) < 1e-12)
    #expect(try columns(solution).sorted() == Array(0..<n))
    #expect(solution.isConverged && abs(solution.certificate.gap) < 1e-12)
    #expect(dualExcess(solution, geometry) < 1e-13)
  }

  @Test("clouds of a few hundred points: primal is dual", arguments: [2, 3, 10])
  func clouds(dimensions: Int) throws {
    var random = SplitMix64(Seed(UInt64(dimensions)))
    let x = try samplePoints(&random, count: 300, dimensions: dimensions)
    let y = try samplePoints(&random, count: 300, dimensions: dimensions)
    for cost in [PointCost.squaredEuclidean, .euclidean, .manhattan, .cosine] {
      let cloud = try PointCloud(x, y, cost: cost)
      let solution = try Assignment().solve(LinearProblem(cloud))
      #expect(abs(solution.certificate.relativeGap) < 1e-12)
      #expect(solution.certificate.marginalError == 0)
      #expect(dualExcess(solution, cloud) < 1e-14)
    }
  }

  @Test("points that coincide, all or many", arguments: [1, 2, 4])
  func duplicates(levels: Int) throws {
    var random = SplitMix64(Seed(9))
    let x = try samplePoints(&random, count: 80, dimensions: 2, levels: levels)
    let y = try samplePoints(&random, count: 80, dimensions: 2, levels: levels)
    let problem = try LinearProblem(PointCloud(x, y))
    let solution = try Assignment().solve(problem)
    let other = try NetworkSimplex().solve(problem)
    #expect(abs(solution.transportCost - other.transportCost) < 1e-12)
    if levels == 1 { #expect(solution.transportCost == 0) }
  }

  @Test("costs of any scale, and far from the origin", arguments: [1e-140, 1e-9, 1e9, 1e140])
  func scales(scale: Double) throws {
    var random = SplitMix64(Seed(4))
    let x = try samplePoints(&random, count: 50, dimensions: 2)
    let y = try samplePoints(&random, count: 50, dimensions: 2)
    let plain = try Assignment().solve(LinearProblem(PointCloud(x, y)))
    let scaled = try Assignment().solve(
      LinearProblem(
        PointCloud(
          Points(x.coordinates.map { $0 * scale }, dimensions: 2),
          Points(y.coordinates.map { $0 * scale }, dimensions: 2))))
    #expect(abs(scaled.transportCost / (scale * scale) / plain.transportCost - 1) < 1e-12)
  }

  @Test("one row and one column")
  func single() throws {
    let solution = try Assignment().solve(
      LinearProblem(DenseCost([3], rows: 1, columns: 1), rowMasses: [2]))
    #expect(solution.transportCost == 6 && solution.certificate.gap == 0)
  }

  @Test("a problem that is no assignment is refused")
  func refusals() throws {
    let wide = try LinearProblem(DenseCost([1, 2], rows: 1, columns: 2))
    #expect(
      message { _ = try Assignment().solve(wide) }
        == "shape-mismatch: 1 rows and 2 columns (assignment). Use NetworkSimplex for rectangular problems."
    )
    let uneven = try LinearProblem(
      DenseCost([1, 2, 3, 4], rows: 2, columns: 2), columnMasses: [0.25, 0.75])
    #expect(
      message { _ = try Assignment().solve(uneven) }
        == "mass-out-of-range: column 0 has a mass of 0.25, the mean is 0.5 (assignment). Use NetworkSimplex for masses that differ."
    )
    let bad = try PointCloud(
      Points([1.0, 2], dimensions: 1), Points([1.0, 2], dimensions: 1),
      cost: .custom { x, y in x == y ? .nan : 1 })
    #expect(
      message { _ = try Assignment().solve(LinearProblem(bad)) }
        == "cost-out-of-range: the cost is nan (row 0, column 0). Costs must be finite: scale huge coordinates down, leave out what is NaN."
    )
  }

  @Test("a cancelled task stops it")
  func cancels() async throws {
    let problem = try LinearProblem(DenseCost([1, 2, 3, 4], rows: 2, columns: 2))
    let said = await withTaskGroup(of: String?.self) { group in
      group.cancelAll()
      group.addTask { message { _ = try Assignment().solve(problem) } }
      return await group.next()!
    }
    #expect(
      said == "cancelled: the task was cancelled (assignment). Run it again if it is wanted.")
  }
}
