// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

@Suite("One dimension")
struct OneDimensionalTests {
  @Test(
    "the simplex's answer, at any power, holes and ties included", arguments: seeds(20),
    [1.0, 1.5, 2, 4])
  func agrees(seed: Seed, power: Double) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...40, using: &random)
    let m = Int.random(in: 1...40, using: &random)
    let levels = seed.value % 3 == 0 ? 6 : nil
    let x = try samplePoints(&random, count: n, dimensions: 1, levels: levels)
    let y = try samplePoints(&random, count: m, dimensions: 1, levels: levels)
    let a = sampleMasses(&random, count: n, holes: true)
    let b = sampleMasses(&random, count: m, holes: true)
    let cloud = try PointCloud(x, y, cost: .custom { pow(abs($0.first! - $1.first!), power) })
    let problem = try LinearProblem(cloud, rowMasses: a, columnMasses: b)
    let line = try OneDimensional(power: power).solve(
      x.coordinates, y.coordinates, rowMasses: a, columnMasses: b)
    let simplex = try NetworkSimplex().solve(problem)
    let scale = pow(Double(levels ?? 1), power)
    #expect(abs(line.transportCost - simplex.transportCost) < 1e-12 * scale)
    #expect(abs(line.certificate.gap) < 1e-12 * scale)
    #expect(line.certificate.marginalError < 1e-13)
    let alone = try OneDimensional(power: power).cost(
      x.coordinates, y.coordinates, rowMasses: a, columnMasses: b)
    #expect(abs(alone - line.transportCost) < 1e-14 * scale)
    #expect(dualExcess(line, cloud) < 1e-12 * scale)
  }

  @Test("of equal sizes, sorted points meet in order")
  func sorted() throws {
    let solution = try OneDimensional().solve([3, -1, 0], [10, 12, 11])
    guard case .sparse(let coupling) = solution.coupling else {
      Issue.record("sparse")
      return
    }
    #expect(coupling.rows == [0, 1, 2] && coupling.columns == [1, 0, 2])
    #expect(abs(solution.transportCost - (81 + 121 + 121) / 3) < 1e-12)
  }

  @Test("a shift by t is a distance of t, whatever the power", arguments: [1, 1.5, 2, 7])
  func translation(power: Double) throws {
    var random = SplitMix64(Seed(3))
    let x = try samplePoints(&random, count: 1000, dimensions: 1).coordinates
    let distance = try OneDimensional(power: power).distance(x, x.map { $0 - 2.5 })
    #expect(abs(distance - 2.5) < 1e-12)
  }

  @Test("numbers of every sign and size are put in order", arguments: seeds(8))
  func order(seed: Seed) throws {
    var random = SplitMix64(seed)
    let n = Int.random(in: 1...5000, using: &random)
    let x = (0..<n).map { k -> Double in
      if seed.value % 2 == 0 { return Double(Int.random(in: -9...9, using: &random)) }
      let scale = pow(10, Double.random(in: -100...100, using: &random))
      return k == 0 ? -0.0 : Double.random(in: -1...1, using: &random) * scale
    }
    let sorted = x.sorted()
    #expect(try OneDimensional().cost(x, sorted) == 0)
    let solution = try OneDimensional().solve(x, sorted)
    guard case .sparse(let coupling) = solution.coupling else {
      Issue.record("sparse")
      return
    }
    #expect(
      coupling.rows.indices.allSatisfy { x[coupling.rows[$0]] == sorted[coupling.columns[$0]] })
  }

  @Test("no points, NaN, a power below 1 and overflow are refused")
  func refusals() {
    #expect(
      message { _ = try OneDimensional(power: 0.5).solve([1], [2]) }
        == "setting-out-of-range: the power is 0.5 (one-dimensional). Give a finite power of at least 1: below it, sorting is not optimal."
    )
    #expect(
      message { _ = try OneDimensional().solve([1, .infinity], [2]) }
        == "point-out-of-range: coordinate 0 is inf (point 1). Leave the point out, or give its coordinate."
    )
    #expect(
      message { _ = try OneDimensional().solve([], [2]) }
        == "shape-mismatch: 0 numbers for points of 1 dimensions (points). Give dimensions numbers for each point, and at least one point."
    )
    #expect(
      message { _ = try OneDimensional().solve([1e200], [-1e200]) }
        == "cost-out-of-range: the costs reach inf (one-dimensional). Scale the points down: the power of their distance overflows."
    )
  }
}
