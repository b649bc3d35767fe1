// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Gaussians")
struct GaussianTests {
  private func sample(_ random: inout SplitMix64, dimensions d: Int, rank: Int? = nil) throws
    -> Gaussian
  {
    // A Aᵀ of a random A.
    let k = rank ?? d + 2
    let a = (0..<d * k).map { _ in Double.random(in: -1...1, using: &random) }
    let covariance = (0..<d * d).map { at in
      (0..<k).reduce(0.0) { $0 + a[at / d * k + $1] * a[at % d * k + $1] }
    }
    return try Gaussian(
      mean: (0..<d).map { _ in Double.random(in: -1...1, using: &random) }, covariance: covariance)
  }

  @Test("on a line: means and deviations apart")
  func line() throws {
    let x = try Gaussian(mean: [1], covariance: [4])
    let y = try Gaussian(mean: [-2], covariance: [0.25])
    #expect(abs(try x.squaredDistance(to: y) - (9 + 1.5 * 1.5)) < 1e-13)
    #expect(abs(try x.map(to: y)([3])[0] - (-2 + 0.25 * 2)) < 1e-13)
  }

  @Test("a distance: symmetric, the triangle, 0 to itself", arguments: seeds(12))
  func metric(seed: Seed) throws {
    var random = SplitMix64(seed)
    let d = Int.random(in: 1...12, using: &random)
    let rank = seed.value % 3 == 0 ? max(1, d / 2) : nil
    let all = try (0..<3).map { _ in try sample(&random, dimensions: d, rank: rank) }
    func distance(_ i: Int, _ j: Int) throws -> Double {
      try all[i].squaredDistance(to: all[j]).squareRoot()
    }
    #expect(abs(try distance(0, 1) - distance(1, 0)) < 1e-6)
    #expect(try distance(0, 2) <= distance(0, 1) + distance(1, 2) + 1e-6)
    #expect(try distance(0, 0) < 1e-6)
  }

  @Test("the map ends at the other, and moves as far as the distance says", arguments: seeds(12))
  func map(seed: Seed) throws {
    var random = SplitMix64(seed)
    let d = Int.random(in: 1...20, using: &random)
    let x = try sample(&random, dimensions: d)
    let y = try sample(&random, dimensions: d)
    let map = try x.map(to: y)
    let points = try samplePoints(&random, count: 3 * d + 5, dimensions: d)
    let own = try Gaussian(of: points)
    let there = try Gaussian(of: own.map(to: y)(points))
    #expect(difference(there.covariance, y.covariance) < 1e-8)
    #expect(difference(there.mean, y.mean) < 1e-8)
    // E‖x − T x‖² = ‖m₁ − m₂‖² + tr((A − 1) Σ (A − 1)).
    var moved = zip(x.mean, y.mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    for i in 0..<d {
      for j in 0..<d {
        for k in 0..<d {
          moved +=
            (map.matrix[i * d + j] - (i == j ? 1 : 0)) * x.covariance[j * d + k]
            * (map.matrix[k * d + i] - (i == k ? 1 : 0))
        }
      }
    }
    #expect(abs(moved - (try x.squaredDistance(to: y))) < 1e-9 * max(1, moved))
  }

  @Test("a barycenter of covariances that commute has the mean of their roots")
  func commuting() throws {
    let center = try Gaussian.barycenter(
      of: [
        Gaussian(mean: [0, 1], covariance: [1, 0, 0, 9]),
        Gaussian(mean: [4, 1], covariance: [25, 0, 0, 1]),
      ], weights: [1, 3])
    #expect(difference(center.mean, [3, 1]) < 1e-12)
    #expect(difference(center.covariance, [16, 0, 0, 2.25]) < 1e-9)
  }

  @Test("at the barycenter the maps to all average to standing still", arguments: seeds(4))
  func barycenter(seed: Seed) throws {
    var random = SplitMix64(seed)
    let d = Int.random(in: 1...8, using: &random)
    let all = try (0..<4).map { _ in try sample(&random, dimensions: d) }
    let center = try Gaussian.barycenter(of: all)
    var mean = [Double](repeating: 0, count: d * d)
    for one in all {
      let matrix = try center.map(to: one).matrix
      for k in mean.indices { mean[k] += matrix[k] / 4 }
    }
    for k in 0..<d { mean[k * d + k] -= 1 }
    #expect(mean.allSatisfy { abs($0) < 1e-7 })
  }

  @Test("POT's distance and barycenter")
  func golden() throws {
    let given = try GoldenProblems.section("gaussian")
    let all = try (0..<3).map { k in
      try Gaussian(
        mean: Array(given["means"]![3 * k..<3 * k + 3]),
        covariance: Array(given["covariances"]![9 * k..<9 * k + 9]))
    }
    let squared = try all[0].squaredDistance(to: all[1])
    #expect(abs(squared.squareRoot() - given["distance"]![0]) < 1e-10)
    let center = try Gaussian.barycenter(of: all, weights: given["weights"])
    #expect(difference(center.mean, given["center"]!) < 1e-12)
    #expect(difference(center.covariance, given["spread"]!) < 1e-7)
  }

  @Test("one point of all, and no map out of it")
  func flat() throws {
    let point = try Gaussian(of: Points([3, 4], dimensions: 2))
    #expect(point.covariance == [0, 0, 0, 0])
    let round = try Gaussian(mean: [3, 4], covariance: [1, 0, 0, 1])
    #expect(abs(try point.squaredDistance(to: round) - 2) < 1e-12)
    #expect(try round.map(to: point)([9, 9]) == [3, 4])
    #expect(
      message { _ = try point.map(to: round) }
        == "setting-out-of-range: the image misses 1.0 of the other covariance (gaussian map). Add a little to the diagonal: a flat distribution cannot be spread by a map."
    )
    #expect(
      message { _ = try Gaussian(mean: [0, 0], covariance: [1, 0, 0, -1]) }
        == "setting-out-of-range: an eigenvalue is -1.0 (covariance). A covariance has none below 0."
    )
    #expect(
      message { _ = try Gaussian(mean: [0], covariance: [.nan]) }
        == "point-out-of-range: a number is not finite, or its square too great (gaussian). Scale the numbers down, or leave out what is not finite."
    )
  }
}
