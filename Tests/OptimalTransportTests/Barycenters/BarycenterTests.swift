// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

@Suite("Barycenters")
struct BarycenterTests {
  @Test("POT's fixed-support barycenter")
  func golden() throws {
    let given = try GoldenProblems.section("barycenter")
    let support = try points(given["points"], 2)
    let measures = (0..<3).map { Array(given["measures"]![$0 * 12..<$0 * 12 + 12]) }
    let solution = try FixedSupportBarycenter(epsilon: given["epsilon"]![0], tolerance: 1e-12)
      .solve(PointCloud(support, support), measures: measures, weights: given["weights"])
    #expect(difference(solution.masses, given["center"]!) < 1e-9)
    #expect(abs(solution.certificate.gap) < 1e-11)
  }

  @Test(
    "a grid is the same as all its pairs, at strong and weak entropy",
    arguments: [0.1, 0.002, 0.0002])
  func grid(epsilon: Double) throws {
    var random = SplitMix64(Seed(4))
    let (rows, columns) = (5, 7)
    let pictures = (0..<3).map { _ in sampleMasses(&random, count: rows * columns, holes: true) }
    let support = try Points(
      (0..<rows * columns).flatMap { [Double($0 / columns) / 6, Double($0 % columns) / 6] },
      dimensions: 2)
    let solver = FixedSupportBarycenter(epsilon: epsilon, tolerance: 1e-7, iterationsMax: 200_000)
    let onGrid = try solver.solve(
      pictures: pictures, rows: rows, columns: columns, weights: [1, 2, 1])
    let dense = try solver.solve(
      PointCloud(support, support), measures: pictures, weights: [1, 2, 1])
    #expect(difference(onGrid.masses, dense.masses) < 1e-6)
    #expect(abs(onGrid.masses.reduce(0, +) - 1) < 1e-12)
    #expect(onGrid.certificate.rowError <= 1e-7 && abs(onGrid.certificate.gap) < 1e-6)
  }

  @Test("of one measure, nearly itself where entropy is weak; of two points, what is between")
  func limits() throws {
    var one = [Double](repeating: 0, count: 33)
    one[4] = 1
    var other = one.map { _ in 0.0 }
    other[28] = 3
    let solver = FixedSupportBarycenter(epsilon: 1e-4)
    let between = try solver.solve(pictures: [one, other], rows: 1, columns: 33).masses
    #expect(between[16] > 0.6 && between[15...17].reduce(0, +) > 0.999)
    let own = try solver.solve(pictures: [one], rows: 33, columns: 1).masses
    #expect(own[4] > 0.999)
  }

  @Test(
    "free support: a mean for one point; never rising; maps average to standing still",
    arguments: seeds(4))
  func free(seed: Seed) throws {
    var random = SplitMix64(seed)
    let measures = try (0..<3).map { _ in
      try PointMeasure(
        samplePoints(&random, count: 12, dimensions: 2),
        masses: sampleMasses(&random, count: 12, holes: true))
    }
    let single = try FreeSupportBarycenter().solve(
      measures, start: PointMeasure(Points([5, 5], dimensions: 2)))
    let mean = (0..<2).map { k in
      measures.reduce(0.0) { sum, measure in
        sum + (0..<12).reduce(0.0) {
          $0 + measure.masses[$1] * measure.points[$1].dropFirst(k).first!
        } / 3
      }
    }
    #expect(difference(single.measure.points.coordinates, mean) < 1e-9)
    let start = try PointMeasure(samplePoints(&random, count: 15, dimensions: 2))
    let solution = try FreeSupportBarycenter().solve(measures, weights: [1, 2, 1], start: start)
    #expect(zip(solution.costs, solution.costs.dropFirst()).allSatisfy { $1 <= $0 + 1e-12 })
    #expect(solution.cost < solution.costs[0])
    // Of a measure and its own copy, itself.
    let own = try FreeSupportBarycenter().solve([measures[0], measures[0]], start: measures[0])
    #expect(own.cost < 1e-12)
  }

  @Test("k-means of measures finds groups that are far apart", arguments: seeds(3))
  func clusters(seed: Seed) throws {
    var random = SplitMix64(seed)
    let measures = try (0..<12).map { at in
      let points = try samplePoints(&random, count: 8, dimensions: 2)
      let away = Double(at % 3) * 4
      return try PointMeasure(
        Points(points.coordinates.map { $0 + away }, dimensions: 2))
    }
    let solution = try WassersteinKMeans(clusters: 3, supportSize: 6, seed: seed).solve(measures)
    for at in measures.indices { #expect(solution.clusterOf[at] == solution.clusterOf[at % 3]) }
    #expect(Set(solution.clusterOf).count == 3)
    #expect(zip(solution.costs, solution.costs.dropFirst()).allSatisfy { $1 <= $0 + 1e-12 })
  }

  @Test("settings and measures out of range are refused")
  func refusals() throws {
    #expect(
      message {
        _ = try FixedSupportBarycenter(epsilon: 0).solve(pictures: [[1]], rows: 1, columns: 1)
      }
        == "setting-out-of-range: epsilon is 0.0 for costs of up to 2.0 (barycenter). Give at least 1e-14 of the greatest cost, above 0, and at most 1e+250."
    )
    #expect(
      message {
        _ = try FixedSupportBarycenter(epsilon: 1).solve(pictures: [[1, 2]], rows: 1, columns: 1)
      }
        == "shape-mismatch: 2 masses for 1 rows (row masses). Give one mass for each row.")
    #expect(
      message { _ = try WassersteinKMeans(clusters: 2).solve([]) }
        == "setting-out-of-range: 2 clusters of 20 points for 0 measures (wasserstein k-means). Give at least 1 of each, and no more than measures."
    )
  }
}
