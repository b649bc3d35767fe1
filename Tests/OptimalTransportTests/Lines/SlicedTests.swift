// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Sliced")
struct SlicedTests {
  @Test("in one dimension every direction is the line's answer", arguments: [1.0, 1.5, 2])
  func line(power: Double) throws {
    var random = SplitMix64(Seed(3))
    let x = try samplePoints(&random, count: 101, dimensions: 1)
    for (m, weighted) in [(101, false), (37, false), (101, true)] {
      let y = try samplePoints(&random, count: m, dimensions: 1)
      let a = weighted ? sampleMasses(&random, count: 101, holes: true) : nil
      let sliced = try Sliced(directions: 7, power: power)(x, y, rowMasses: a)
      let exact = try OneDimensional(power: power).cost(
        x.coordinates, y.coordinates, rowMasses: a)
      #expect(abs(sliced.cost - exact) < 1e-6)
      #expect(sliced.standardError < 1e-7 && sliced.costs.count == 7)
    }
  }

  @Test("of a shift, a d-th of its square; its own direction is the greatest", arguments: [3, 20])
  func shift(dimensions: Int) throws {
    var random = SplitMix64(Seed(5))
    let x = try samplePoints(&random, count: 60, dimensions: dimensions)
    // Far from the origin, where f32 alone would lose all.
    let far = try Points(x.coordinates.map { 1e6 + $0 }, dimensions: dimensions)
    let moved = try Points(
      far.coordinates.enumerated().map { $0 % dimensions == 1 ? $1 + 2 : $1 },
      dimensions: dimensions)
    let value = try Sliced(directions: 2000, seed: Seed(1))(far, moved)
    #expect(abs(value.cost - 4 / Double(dimensions)) < 4 * value.standardError + 1e-9)
    let greatest = try Sliced(directions: 20).greatest(far, moved)
    #expect(abs(greatest.distance - 2) < 1e-4)
    #expect(abs(abs(greatest.direction[1]) - 1) < 1e-4)
  }

  @Test("at most W₂, and equal clouds are at 0", arguments: seeds(5))
  func bound(seed: Seed) throws {
    var random = SplitMix64(seed)
    let x = try samplePoints(&random, count: 40, dimensions: 3)
    let y = try samplePoints(&random, count: 40, dimensions: 3)
    let exact = try Assignment().solve(LinearProblem(PointCloud(x, y))).transportCost
    let sliced = try Sliced(directions: 50, seed: seed)(x, y)
    let greatest = try Sliced(directions: 50, seed: seed).greatest(x, y)
    #expect(sliced.costs.allSatisfy { $0 <= exact + 1e-6 })
    #expect(sliced.costs.max()! <= greatest.cost + 1e-6 && greatest.cost <= exact + 1e-9)
    #expect(try Sliced(directions: 5)(x, x).cost == 0)
  }

  @Test("costs whose squares are no numbers have an error; powers that are none are refused")
  func huge() throws {
    let x = try Points([0, 0, 1, 2], dimensions: 2)
    let y = try Points([3, 1, 2, -2], dimensions: 2)
    func moved(_ scale: Double) throws -> (Points, Points) {
      (
        try Points(x.coordinates.map { $0 * scale }, dimensions: 2),
        try Points(y.coordinates.map { $0 * scale }, dimensions: 2)
      )
    }
    let one = try Sliced(directions: 9)(x, y)
    let (farX, farY) = try moved(1e120)
    let far = try Sliced(directions: 9)(farX, farY)
    #expect(abs(far.standardError / 1e240 / one.standardError - 1) < 1e-6)
    let (nearX, nearY) = try moved(1e-100)
    #expect(
      message { _ = try Sliced(directions: 9, power: 1e6)(nearX, nearY) }
        == "cost-out-of-range: the costs may reach inf (sliced). Scale the points down: the power of their distance overflows."
    )
  }

  @Test("settings out of range are refused")
  func refusals() throws {
    let x = try Points([1, 2], dimensions: 2)
    #expect(
      message { _ = try Sliced(directions: 0)(x, x) }
        == "setting-out-of-range: there are 0 directions (sliced). Give at least 1; 100 is usual.")
    #expect(
      message { _ = try Sliced()(x, Points([1], dimensions: 1)) }
        == "shape-mismatch: sources have 2 dimensions, targets 1 (sliced). Give both the same coordinates."
    )
  }
}
