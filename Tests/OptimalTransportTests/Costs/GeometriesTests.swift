// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

@Suite("Geometries")
struct GeometriesTests {
  @Test(
    "a grid is its dense costs, and Sinkhorn on it, axis by axis, the dense solution",
    arguments: [[7], [4, 5], [3, 2, 4], [1, 6]], [2.0, 1])
  func grid(shape: [Int], power: Double) throws {
    var random = SplitMix64(Seed(UInt64(shape.count)))
    let grid = try GridCost(shape: shape, power: power)
    let count = grid.rowCount
    // By hand: cell indices, the last axis fastest.
    func cell(_ k: Int) -> [Int] {
      var rest = k
      return shape.reversed().map { size in
        defer { rest /= size }
        return rest % size
      }.reversed()
    }
    for (i, j) in [(0, count - 1), (count / 2, 1), (count - 1, 0)] {
      let expected = shape.indices.reduce(0) { sum, k in
        sum + pow(abs(Double(cell(i)[k] - cell(j)[k])) / Double(shape[k]), power)
      }
      #expect(abs(grid.cost(i, j) - expected) < 1e-14)
    }
    let a = sampleMasses(&random, count: count, holes: true)
    let b = sampleMasses(&random, count: count, holes: true)
    let dense = try DenseCost(copying: grid)
    for share in [0.5, 0.02] {
      let epsilon = share * (try CostRange(of: dense).mean)
      let solver = Sinkhorn(.epsilon(epsilon), tolerance: 1e-10, iterationsMax: 100_000)
      let onGrid = try solver.solve(LinearProblem(grid, rowMasses: a, columnMasses: b))
      let plain = try solver.solve(LinearProblem(dense, rowMasses: a, columnMasses: b))
      #expect(abs(onGrid.transportCost - plain.transportCost) < 1e-9)
      #expect(abs(onGrid.certificate.gap) < 1e-9 && onGrid.certificate.marginalError < 1e-10)
      let rows = try onGrid.coupling.applied(to: Array(repeating: 1, count: count))
      #expect(zip(rows, a).allSatisfy { abs($0 - $1) < 1e-10 })
      let penalty = MarginalPenalty.kullbackLeibler(0.5)
      let loose = try solver.solve(
        UnbalancedProblem(
          grid, rowMasses: a, columnMasses: b, rowPenalty: penalty, columnPenalty: penalty))
      #expect(abs(loose.certificate.gap) < 1e-8)
    }
  }

  @Test("ways through a graph are the least sums of lengths", arguments: seeds(4), [false, true])
  func graph(seed: Seed, isDirected: Bool) throws {
    var random = SplitMix64(seed)
    let count = 12
    var edges = (0..<count).map {
      GraphCost.Edge($0, ($0 + 1) % count, length: Double.random(in: 0...1, using: &random))
    }
    for _ in 0..<10 {
      edges.append(
        GraphCost.Edge(
          Int.random(in: 0..<count, using: &random), Int.random(in: 0..<count, using: &random),
          length: Double.random(in: 0...1, using: &random)))
    }
    var expected = (0..<count).map { i in
      (0..<count).map { $0 == i ? 0.0 : .infinity }
    }
    for edge in edges {
      expected[edge.from][edge.to] = min(expected[edge.from][edge.to], edge.length)
      if !isDirected {
        expected[edge.to][edge.from] = min(expected[edge.to][edge.from], edge.length)
      }
    }
    for k in 0..<count {
      for i in 0..<count {
        for j in 0..<count {
          expected[i][j] = min(expected[i][j], expected[i][k] + expected[k][j])
        }
      }
    }
    let graph = try GraphCost(
      nodeCount: count, edges: edges, isDirected: isDirected, targets: [3, 1, 7], power: 2)
    for i in 0..<count {
      for (j, node) in [3, 1, 7].enumerated() {
        #expect(abs(graph.cost(i, j) - expected[i][node] * expected[i][node]) < 1e-12)
      }
    }
  }

  @Test("factors of squared distances give the distances; norms of order 2 are Euclidean")
  func others() throws {
    var random = SplitMix64(Seed(2))
    let x = try samplePoints(&random, count: 9, dimensions: 3)
    let y = try samplePoints(&random, count: 11, dimensions: 3)
    let squared = try DenseCost(copying: PointCloud(x, y)).costs
    func check(_ geometry: any CostGeometry, _ expected: [Double]) throws {
      let costs = try DenseCost(copying: geometry).costs
      #expect(zip(costs, expected).allSatisfy { abs($0 - $1) < 1e-13 })
    }
    try check(LowRankCost(squaredEuclidean: x, y), squared)
    try check(PointCloud(x, y, cost: .minkowski(p: 2, power: 2)), squared)
    try check(
      PointCloud(x, y, cost: .minkowski(p: 2, power: 1)),
      DenseCost(copying: PointCloud(x, y, cost: .euclidean)).costs)
    try check(
      PointCloud(x, y, cost: .minkowski(p: 1, power: 1)),
      DenseCost(copying: PointCloud(x, y, cost: .manhattan)).costs)
  }

  @Test("what no geometry can be made of is said exactly")
  func refusals() throws {
    #expect(
      message { _ = try GridCost(shape: [3, 0]) }
        == "shape-mismatch: the shape is [3, 0] and there are 2 spacings (grid). Give at least one axis, cells along each, and a spacing for each."
    )
    #expect(
      message { _ = try GraphCost(nodeCount: 3, edges: [.init(0, 1, length: 1)]) }
        == "cost-out-of-range: no way leads from node 0 to node 2 (graph). Connect them, or solve the parts of the graph one by one."
    )
    #expect(
      message { _ = try GraphCost(nodeCount: 2, edges: [.init(0, 1, length: -1)]) }
        == "cost-out-of-range: the length is -1.0 (edge 0). Lengths must be finite and at least 0."
    )
    #expect(
      message { _ = try LowRankCost(left: [1, 2, 3], right: [1, 2], rank: 2) }
        == "shape-mismatch: 3 and 2 factors for a rank of 2 (low-rank cost). Give rank factors for each row and column, at least one."
    )
    let points = try Points([0, 1], dimensions: 1)
    #expect(
      message { _ = try PointCloud(points, points, cost: .minkowski(p: 0.5, power: 1)) }
        == "setting-out-of-range: the norm has order 0.5 and power 1.0 (point cloud). Give a finite order of at least 1 and a finite power above 0."
    )
  }
}
