// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

/// What a distance between measures must obey, whichever solver computes it.
@Suite("Laws of W₁ and W₂")
struct LawsTests {
  private struct Cloud {
    let points: Points
    let masses: [Double]
  }

  private func sample(_ random: inout SplitMix64) throws -> Cloud {
    let count = Int.random(in: 1...25, using: &random)
    return Cloud(
      points: try samplePoints(&random, count: count, dimensions: 2),
      masses: sampleMasses(&random, count: count, holes: true))
  }

  private func distance(_ x: Cloud, _ y: Cloud, power: Int) throws -> Double {
    let solution = try NetworkSimplex().solve(
      LinearProblem(
        PointCloud(x.points, y.points, cost: power == 1 ? .euclidean : .squaredEuclidean),
        rowMasses: x.masses, columnMasses: y.masses))
    return power == 1 ? solution.transportCost : max(0, solution.transportCost).squareRoot()
  }

  @Test("symmetry, the triangle, and 0 to itself", arguments: seeds(25), [1, 2])
  func metric(seed: Seed, power: Int) throws {
    var random = SplitMix64(seed)
    let (x, y, z) = (try sample(&random), try sample(&random), try sample(&random))
    let xy = try distance(x, y, power: power)
    #expect(abs(xy - (try distance(y, x, power: power))) < 1e-13)
    let detour = try distance(x, z, power: power) + distance(z, y, power: power)
    #expect(xy <= detour + 1e-12)
    #expect(try distance(x, x, power: power) < 1e-7)
  }

  @Test("a shift is a distance of its length", arguments: seeds(20))
  func translation(seed: Seed) throws {
    var random = SplitMix64(seed)
    let x = try sample(&random)
    let shift = [3.0, -2]
    let moved = Cloud(
      points: try Points(
        x.points.coordinates.enumerated().map { $1 + shift[$0 % 2] }, dimensions: 2),
      masses: x.masses)
    #expect(abs(try distance(x, moved, power: 2) - 13.0.squareRoot()) < 1e-12)
    #expect(abs(try distance(x, moved, power: 1) - 13.0.squareRoot()) < 1e-12)
  }
}
