// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Network simplex")
struct NetworkSimplexTests {
  private func check(_ solution: TransportSolution, _ problem: LinearProblem) {
    #expect(solution.isConverged)
    #expect(abs(solution.certificate.gap) < 1e-12 && solution.certificate.marginalError < 1e-13)
    #expect(dualExcess(solution, problem.geometry) < 1e-13)
    if case .sparse(let coupling) = solution.coupling {
      #expect(
        coupling.masses.count < problem.rowMasses.count + problem.columnMasses.count)
      #expect(coupling.masses.allSatisfy { $0 > 0 })
    } else {
      Issue.record("an exact coupling is sparse")
    }
  }

  @Test("whole masses are points told apart: the assignment's answer", arguments: seeds(60))
  func copies(seed: Seed) throws {
    var random = SplitMix64(seed)
    let levels = seed.value % 3 == 0 ? 3 : nil
    let n = Int.random(in: 1...12, using: &random)
    let m = Int.random(in: 1...12, using: &random)
    var a = (0..<n).map { _ in Int.random(in: 0...4, using: &random) }
    var b = (0..<m).map { _ in Int.random(in: 0...4, using: &random) }
    let total = max(1, a.reduce(0, +), b.reduce(0, +))
    a[0] += total - a.reduce(0, +)
    b[m - 1] += total - b.reduce(0, +)
    let x = try samplePoints(&random, count: n, dimensions: 2, levels: levels)
    let y = try samplePoints(&random, count: m, dimensions: 2, levels: levels)
    let problem = try LinearProblem(
      PointCloud(x, y), rowMasses: a.map(Double.init), columnMasses: b.map(Double.init))
    let solution = try NetworkSimplex().solve(problem)
    check(solution, problem)
    let rows = a.indices.flatMap { i in (0..<a[i]).flatMap { _ in x[i] } }
    let columns = b.indices.flatMap { j in (0..<b[j]).flatMap { _ in y[j] } }
    let assigned = try Assignment().solve(
      LinearProblem(
        PointCloud(Points(rows, dimensions: 2), Points(columns, dimensions: 2)),
        rowMasses: Array(repeating: 1, count: total)))
    #expect(abs(solution.transportCost - assigned.transportCost) < 1e-12 * Double(total))
  }

  @Test("any masses and shapes, holes and ties: primal is dual", arguments: seeds(60))
  func certificates(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...60, using: &random)
    let m = Int.random(in: 1...60, using: &random)
    let levels = seed.value % 2 == 0 ? 4 : nil
    let equal = seed.value % 5 == 0
    let problem = try LinearProblem(
      PointCloud(
        samplePoints(&random, count: n, dimensions: 3, levels: levels),
        samplePoints(&random, count: m, dimensions: 3, levels: levels),
        cost: [.squaredEuclidean, .manhattan][Int(seed.value % 2)]),
      rowMasses: equal ? nil : sampleMasses(&random, count: n, holes: true),
      columnMasses: equal ? nil : sampleMasses(&random, count: m, holes: true))
    check(try NetworkSimplex().solve(problem), problem)
  }

  @Test("equal masses: the assignment's answer", arguments: seeds(4))
  func equalMasses(seed: Seed) throws {
    var random = SplitMix64(seed)
    let problem = try LinearProblem(
      PointCloud(
        samplePoints(&random, count: 150, dimensions: 2),
        samplePoints(&random, count: 150, dimensions: 2)))
    let solution = try NetworkSimplex().solve(problem)
    check(solution, problem)
    let assigned = try Assignment().solve(problem)
    #expect(abs(solution.transportCost / assigned.transportCost - 1) < 1e-12)
  }

  @Test(
    "large problems, in the plane and beyond: certified, the same bits for every thread count",
    arguments: [2, 6])
  func large(dimensions: Int) throws {
    var random = SplitMix64(Seed(UInt64(dimensions)))
    let problem = try LinearProblem(
      PointCloud(
        samplePoints(&random, count: 600, dimensions: dimensions),
        samplePoints(&random, count: 700, dimensions: dimensions)),
      rowMasses: sampleMasses(&random, count: 600, holes: true),
      columnMasses: sampleMasses(&random, count: 700, holes: true))
    let one = try NetworkSimplex(threads: .one).solve(problem)
    check(one, problem)
    // An auction leaves few; from a tree of one row after the other about 8 a point were needed.
    #expect(one.iterations < 6 * 1300, "\(one.iterations) pivots")
    let three = try NetworkSimplex(threads: Threads(3)).solve(problem)
    #expect(three.rowPotentials == one.rowPotentials && three.iterations == one.iterations)
    guard case .sparse(let first) = one.coupling, case .sparse(let second) = three.coupling else {
      Issue.record("an exact coupling is sparse")
      return
    }
    #expect(first == second)
  }

  @Test("in the plane prices of a coarser cloud save pivots; a table of the same costs has none")
  func coarse() throws {
    for seed in seeds(3) {
      var random = SplitMix64(seed)
      let cloud = try PointCloud(
        samplePoints(&random, count: 1000, dimensions: 2),
        samplePoints(&random, count: 900, dimensions: 2))
      let (a, b) = (
        sampleMasses(&random, count: 1000, holes: false),
        sampleMasses(&random, count: 900, holes: false)
      )
      let begun = try NetworkSimplex().solve(
        LinearProblem(cloud, rowMasses: a, columnMasses: b))
      let plain = try NetworkSimplex().solve(
        LinearProblem(DenseCost(copying: cloud), rowMasses: a, columnMasses: b))
      #expect(2 * begun.iterations < plain.iterations, "\(begun.iterations) pivots")
      #expect(abs(begun.transportCost / plain.transportCost - 1) < 1e-12)
    }
  }

  @Test("points without mass have potentials that keep the dual feasible")
  func zeroMasses() throws {
    let geometry = try DenseCost([1, 9, 4, 0, 2, 7], rows: 2, columns: 3)
    let problem = try LinearProblem(geometry, rowMasses: [0, 1], columnMasses: [0.5, 0, 0.5])
    let solution = try NetworkSimplex().solve(problem)
    #expect(solution.transportCost == 3.5)
    check(solution, problem)
  }

  @Test("at the limit of pivots the best coupling so far is attached")
  func limit() throws {
    var random = SplitMix64(Seed(1))
    let problem = try LinearProblem(
      PointCloud(
        samplePoints(&random, count: 40, dimensions: 2),
        samplePoints(&random, count: 40, dimensions: 2)))
    let best = try NetworkSimplex().solve(problem)
    do {
      _ = try NetworkSimplex(pivotsMax: 3).solve(problem)
      Issue.record("3 pivots are too few")
    } catch {
      #expect(error.code == .notConverged && error.place == "network simplex")
      let state = try #require(error.best)
      #expect(state.iterations == 3 && !state.isConverged)
      #expect(state.certificate.dual <= best.transportCost + 1e-13)
      #expect(state.transportCost >= best.transportCost - 1e-13)
      #expect(
        error.what
          == "after 3 iterations the marginal error is \(state.certificate.marginalError) and the"
          + " gap \(state.certificate.gap); a gap of 1e-12 of the greatest cost was asked for")
    }
    let returned = try NetworkSimplex(pivotsMax: 3, unfinished: .isReturned).solve(problem)
    #expect(!returned.isConverged && returned.certificate.marginalError < 1e-14)
    #expect(
      message { _ = try NetworkSimplex(pivotsMax: -1).solve(problem) }
        == "setting-out-of-range: pivotsMax is -1 (network simplex). Give at least 0, or nil.")
  }
}
