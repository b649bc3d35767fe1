// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// The distances of one space, by which matrices of few columns are multiplied.
enum DistanceFactors: Sendable {
  /// Every entry, `[n, n]`, symmetric.
  case dense([Double], count: Int)
  /// Squared Euclidean distances as products of few factors.
  case factored(LowRankCost)

  /// `A X`, `[n, width]`.
  func product(_ x: [Double], width: Int) -> [Double] {
    switch self {
    case .dense(let distances, let count):
      return matrixProduct(distances, x, inner: count)
    case .factored(let cost):
      let inner = matrixProduct(
        transposed(cost.right, rows: cost.columnCount), x, inner: cost.columnCount)
      return matrixProduct(cost.left, inner, inner: cost.rank)
    }
  }

  /// The greatest entry, or a bound of it.
  var magnitude: Double {
    switch self {
    case .dense(let distances, _): distances.reduce(0) { max($0, abs($1)) }
    case .factored(let cost):
      // Squared distances are at most four times the greatest square.
      4 * (0..<cost.rowCount).reduce(0) { max($0, abs(cost.left[$1 * cost.rank])) }
    }
  }

  /// `Σ_ik A_ik² a_i a_k`.
  func squareMean(_ masses: [Double]) -> Double {
    switch self {
    case .dense(let distances, let n):
      var sum = CompensatedSum()
      for i in 0..<n {
        var row = 0.0
        for k in 0..<n { row += distances[i * n + k] * distances[i * n + k] * masses[k] }
        sum.add(row * masses[i])
      }
      return sum.value
    case .factored(let cost):
      func moments(_ factors: [Double]) -> [Double] {
        var out = [Double](repeating: 0, count: cost.rank * cost.rank)
        for i in masses.indices {
          for k in 0..<cost.rank {
            let scaled = masses[i] * factors[i * cost.rank + k]
            for l in 0..<cost.rank {
              out[k * cost.rank + l] += scaled * factors[i * cost.rank + l]
            }
          }
        }
        return out
      }
      return CompensatedSum.of(moments(cost.left), times: moments(cost.right))
    }
  }
}
