// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import Foundation

/// Points whose distances are near given ones: metric scaling by majorization, SMACOF (de Leeuw 1977).
package struct MetricScaling: Sendable {
  /// `[n, d]`, about 0.
  package let points: [Double]
  /// `Σ (‖x_i − x_j‖ − δ_ij)² / Σ δ_ij²` over all pairs: 0 where all distances are met.
  package let stress: Double

  /// The best of several starts by chance. A step never raises the stress; at most `rounds` are made.
  ///
  /// - Parameters:
  ///   - distances: `[n, n]`, symmetric, at least 0; the diagonal is not read.
  ///   - random: where the searches start.
  /// - Complexity: O(starts · rounds · n² d).
  package init(
    distances: [Double], dimensions d: Int, starts: Int = 4, rounds: Int = 500,
    using random: inout SplitMix64
  ) {
    let n = Int(Double(distances.count).squareRoot())
    precondition(
      n * n == distances.count && d > 0, "\(distances.count) distances in \(d) dimensions")
    var best: (points: [Double], stress: Double)?
    let scale = (distances.reduce(0) { $0 + $1 * $1 } / Double(max(1, n * n))).squareRoot()
    for _ in 0..<starts {
      var points = (0..<n * d).map { _ in scale * random.normal() }
      var stress = Self.stress(points, distances, n, d)
      for _ in 0..<rounds {
        points = Self.majorized(points, distances, n, d)
        let next = Self.stress(points, distances, n, d)
        let isOver = stress - next <= 1e-10 * stress
        stress = next
        if isOver { break }
      }
      if best.map({ stress < $0.stress }) ?? true { best = (points, stress) }
    }
    (points, stress) = best ?? ([], 0)
  }

  /// The Guttman transform for weights of 1: `x_i ← Σ_j δ_ij (x_i − x_j) / (n ‖x_i − x_j‖)`.
  private static func majorized(
    _ points: [Double], _ distances: [Double], _ n: Int, _ d: Int
  ) -> [Double] {
    var moved = [Double](repeating: 0, count: n * d)
    for i in 0..<n {
      for j in 0..<n where j != i {
        let length = length(points, i, j, d)
        // Points in one place are told nothing about the way apart.
        guard length > 0 else { continue }
        let factor = distances[i * n + j] / (Double(n) * length)
        for k in 0..<d { moved[i * d + k] += factor * (points[i * d + k] - points[j * d + k]) }
      }
    }
    return moved
  }

  private static func stress(
    _ points: [Double], _ distances: [Double], _ n: Int, _ d: Int
  ) -> Double {
    var (sum, whole) = (0.0, 0.0)
    for i in 0..<n {
      for j in 0..<i {
        let error = length(points, i, j, d) - distances[i * n + j]
        sum += error * error
        whole += distances[i * n + j] * distances[i * n + j]
      }
    }
    return whole > 0 ? sum / whole : 0
  }

  private static func length(_ points: [Double], _ i: Int, _ j: Int, _ d: Int) -> Double {
    var squares = 0.0
    for k in 0..<d {
      let step = points[i * d + k] - points[j * d + k]
      squares += step * step
    }
    return squares.squareRoot()
  }
}
