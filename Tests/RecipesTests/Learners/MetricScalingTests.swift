// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Testing

@Suite("Metric scaling")
struct MetricScalingTests {
  private static func distances(_ points: [Double], _ d: Int) -> [Double] {
    let n = points.count / d
    return (0..<n * n).map { at in
      (0..<d).reduce(0) { sum, k in
        let step = points[at / n * d + k] - points[at % n * d + k]
        return sum + step * step
      }.squareRoot()
    }
  }

  @Test("distances of points in the plane are met", arguments: 0..<5 as Range<UInt64>)
  func met(seed: UInt64) {
    var chance = SplitMix64(Seed(seed))
    let points = (0..<24).map { _ in Double.random(in: -3...3, using: &chance) }
    let wanted = Self.distances(points, 2)
    let scaling = MetricScaling(distances: wanted, dimensions: 2, rounds: 5_000, using: &chance)
    #expect(scaling.stress < 1e-6)
    let errors = zip(Self.distances(scaling.points, 2), wanted).map { abs($0 - $1) }
    #expect(errors.max()! < 0.02)
  }

  @Test("more rounds leave no more, and what is left is that of the points")
  func falls() {
    var chance = SplitMix64(Seed(7))
    let n = 9
    var distances = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      for j in 0..<i {
        // No distances of any points: the triangle inequality fails.
        distances[i * n + j] = Double.random(in: 0...4, using: &chance)
        distances[j * n + i] = distances[i * n + j]
      }
    }
    var last = Double.infinity
    for rounds in [1, 2, 4, 8, 32, 128] {
      var start = SplitMix64(Seed(8))
      let scaling = MetricScaling(
        distances: distances, dimensions: 2, starts: 1, rounds: rounds, using: &start)
      #expect(scaling.stress <= last + 1e-12)
      last = scaling.stress
      let found = Self.distances(scaling.points, 2)
      let errors = zip(found, distances).map { ($0 - $1) * ($0 - $1) }.reduce(0, +)
      let whole = distances.reduce(0) { $0 + $1 * $1 }
      #expect(abs(errors / whole - scaling.stress) < 1e-12)
    }
    #expect(last > 0.01)
  }

  @Test("points that all are in one place stay there")
  func none() {
    var chance = SplitMix64(Seed(1))
    let scaling = MetricScaling(
      distances: [Double](repeating: 0, count: 9), dimensions: 2, using: &chance)
    #expect(scaling.stress == 0 && scaling.points.allSatisfy { $0 == 0 })
  }
}
