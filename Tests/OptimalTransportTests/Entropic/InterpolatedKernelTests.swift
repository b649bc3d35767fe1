// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import FerryTensors
import Foundation
import Testing

@Suite("Kernels through a grid")
struct InterpolatedKernelTests {
  /// Uniform points of a box, its low corner at `low`.
  private func points(
    _ count: Int, _ d: Int, length: Double = 1, low: Double = 0, seed: UInt64
  ) throws -> Points {
    var random = SplitMix64(Seed(seed))
    return try Points(
      (0..<count * d).map { _ in low + length * Double.random(in: 0..<1, using: &random) },
      dimensions: d)
  }

  @Test(
    "sums of rows and columns are those of the entries, in 1 to 3 dimensions and far apart",
    arguments: [(1, 0.01), (2, 0.03), (3, 0.3)])
  func sums(d: Int, epsilon: Double) throws {
    let count = d == 3 ? 6000 : 1500
    let cloud = try PointCloud(
      points(count, d, seed: 1), points(count + 101, d, low: 7, seed: 2))
    let kernel = try #require(
      InterpolatedKernel(
        cloud, epsilon: epsilon, tolerance: 1e-6, isHeld: true, threads: Threads(3)))
    var start = kernel.startingPotentials(cloud)
    for i in start.rows.indices { start.rows[i] += epsilon * sin(Double(i)) }
    for j in start.columns.indices { start.columns[j] += epsilon * cos(Double(j)) }
    kernel.rebuild(cloud, f: start.rows, g: start.columns)
    let weights = (0..<cloud.columnCount).map { (1 + sin(Double(3 * $0))) / Double(count) }
    let scales = (0..<cloud.rowCount).map { (1 + cos(Double(2 * $0))) / Double(count) }
    let rows = SharedBuffer<Double>(count: cloud.rowCount)
    let columns = SharedBuffer<Double>(count: cloud.columnCount)
    kernel.rowSums(weights, into: rows)
    kernel.columnSums(scales.span, into: columns)
    let single = try #require(
      InterpolatedKernel(cloud, epsilon: epsilon, tolerance: 1e-6, isHeld: true, threads: .one))
    single.rebuild(cloud, f: start.rows, g: start.columns)
    let again = SharedBuffer<Double>(count: cloud.rowCount)
    single.rowSums(weights, into: again)
    #expect(again.array() == rows.array())
    var expected = [Double](repeating: 0, count: cloud.columnCount)
    var worst = 0.0
    for i in 0..<cloud.rowCount {
      var costs = [Double](repeating: 0, count: cloud.columnCount)
      var view = costs.mutableSpan
      cloud.fillRow(i, into: &view)
      var sum = 0.0
      for j in costs.indices {
        let entry = exp((start.rows[i] + start.columns[j] - costs[j]) / epsilon)
        sum += entry * weights[j]
        expected[j] += entry * scales[i]
      }
      worst = max(worst, abs(sum - rows[i]))
    }
    for j in expected.indices { worst = max(worst, abs(expected[j] - columns[j])) }
    #expect(worst < 1e-6)
    // What it says of its error is no less, and no more than a hundred thousand times that.
    let total = weights.reduce(0, +)
    let said = kernel.error(weights: weights, scales: scales.span) / total
    #expect(worst <= 10 * said && said < 1e-5)
  }

  @Test("the coupling is that of exact sums, and the same bits for every count of threads")
  func solves() throws {
    let cloud = try PointCloud(points(2000, 2, seed: 3), points(2100, 2, low: -30, seed: 4))
    let problem = try LinearProblem(cloud)
    let solver = Sinkhorn(.epsilon(0.03), tolerance: 1e-6, threads: .one)
    let one = try solver.solve(problem)
    var other = solver
    other.threads = Threads(3)
    #expect(try other.solve(problem).potentials == one.potentials)
    let exact = try Sinkhorn(.epsilon(0.03), tolerance: 1e-6, form: .logarithmic).solve(problem)
    #expect(one.certificate.marginalError <= 1e-6)
    #expect(abs(one.certificate.primal / exact.certificate.primal - 1) < 1e-7)
  }

  @Test("clouds that are not alike are solved by rows in the end, to the error asked for")
  func unlike() throws {
    // All of one side in a corner: factors of the other reach e^60, and errors with them.
    let cloud = try PointCloud(
      points(1000, 2, length: 1e-3, seed: 5), points(1000, 2, low: 0, seed: 6))
    let solution = try Sinkhorn(.epsilon(0.01), tolerance: 1e-6).solve(LinearProblem(cloud))
    #expect(solution.isConverged && solution.certificate.marginalError <= 1e-6)
  }

  @Test("a tolerance that almost anything meets is no trouble", arguments: [1, 2.0.nextDown])
  func loose(tolerance: Double) throws {
    let cloud = try PointCloud(points(1000, 2, seed: 3), points(1000, 2, seed: 4))
    let solution = try Sinkhorn(.epsilon(0.03), tolerance: tolerance).solve(LinearProblem(cloud))
    #expect(solution.isConverged && solution.transportCost.isFinite)
  }

  @Test("a start that leaves no room for its nodes is refused", arguments: [-1, 2 * 25 + 14])
  func room(start: Int32) async {
    await #expect(processExitsWith: .failure) { [start] in
      var grid = [Double](repeating: 0, count: 14 * 25)
      var nodes = grid.mutableSpan
      GridKernels.spread(
        [1].span, starts: [start].span,
        weights: [Double](repeating: 1, count: 2 * GridKernels.nodes).span, shape: [14, 25],
        into: &nodes)
    }
  }

  @Test("where ε is small beside the cloud, or points are few, rows take less time: no grid")
  func declines() throws {
    func kernel(_ count: Int, _ epsilon: Double) throws -> InterpolatedKernel? {
      InterpolatedKernel(
        try PointCloud(points(count, 2, seed: 7), points(count, 2, seed: 8)), epsilon: epsilon,
        tolerance: 1e-6, isHeld: true, threads: .one)
    }
    #expect(try kernel(1000, 0.03) != nil)
    #expect(try kernel(1000, 1e-4) == nil)
    #expect(try kernel(64, 0.03) == nil)
    #expect(try kernel(1000, 1e-300) == nil)
  }

  @Test("both builds of its loops give the same bits", arguments: 1...3)
  func builds(d: Int) throws {
    let shape = [20, 23, 18].prefix(d).map { $0 }
    let axes = (0..<d).map { k in
      GridKernels.Axis(
        low: 0, rate: Double(shape[k] - GridKernels.nodes + 1),
        cells: shape[k] - GridKernels.nodes + 1, stride: shape[(k + 1)...].reduce(1, *))
    }
    let cloud = try points(37, d, seed: 9)
    let count = shape.reduce(1, *)
    let values = cloud.coordinates[0..<37].map { $0 + 0.5 }
    let line = (-9...9).map { abs($0) > 5 ? 0 : exp(-0.1 * Double($0 * $0)) }
    func run(_ build: KernelBuild) -> [Double] {
      var starts = [Int32](repeating: 0, count: 37)
      var weights = [Double](repeating: 0, count: 37 * d * GridKernels.nodes)
      var grid = [Double](repeating: 0, count: count)
      var blurred = grid
      var out = [Double](repeating: 0, count: 37)
      var firsts = starts.mutableSpan
      var all = weights.mutableSpan
      GridKernels.place(
        cloud.coordinates.span, axes, starts: &firsts, weights: &all, build: build)
      var nodes = grid.mutableSpan
      GridKernels.spread(
        values.span, starts: starts.span, weights: weights.span, shape: shape, into: &nodes,
        build: build)
      var turned = blurred.mutableSpan
      GridKernels.convolve(
        grid.span, kernel: line.span, count: shape[0], columns: 0..<count / shape[0],
        into: &turned, build: build)
      var sums = out.mutableSpan
      GridKernels.gather(
        blurred.span, starts: starts.span, weights: weights.span,
        shape: shape, into: &sums, build: build)
      return out + blurred
    }
    #expect(run(.best) == run(.generic))
  }
}
