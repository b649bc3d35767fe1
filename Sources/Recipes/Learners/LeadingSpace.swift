// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import FerryOptimalTransport

/// The space in which samples vary most: products with the covariance, made orthogonal after each
/// (Golub and Van Loan, 4th edition, section 8.2.4).
///
/// For hundreds of dimensions, where `PrincipalComponents` would find them all: of the space, the
/// directions are in no order.
package struct LeadingSpace: Sendable {
  private let mean: [Double]
  /// `[d, count]`, columns of length 1 and orthogonal.
  private let basis: [Double]
  /// How many there are.
  package let count: Int

  /// - Parameters:
  ///   - features: `[n, d]`.
  ///   - count: at most d; fewer are found where samples vary in fewer.
  ///   - random: where the search starts.
  package init(
    _ features: [Double], dimensions d: Int, count: Int, rounds: Int = 30,
    using random: inout SplitMix64
  ) {
    let n = features.count / d
    var mean = [Double](repeating: 0, count: d)
    for i in 0..<n {
      for k in 0..<d { mean[k] += features[i * d + k] / Double(n) }
    }
    let centered = Self.centered(features, mean)
    let turned = transposed(centered, rows: n)
    let covariance = matrixProduct(turned, centered, inner: n)
    var columns = (0..<count * d).map { _ in random.normal() }
    for _ in 0..<rounds {
      // Rows of `columns` are the vectors: the covariance is its own transpose.
      columns = matrixProduct(columns, covariance, inner: d)
      Self.orthogonalize(&columns, d)
    }
    self.mean = mean
    self.count = count
    basis = transposed(columns, rows: count)
  }

  /// Samples in these directions, `[n, count]`.
  package func callAsFunction(_ features: [Double]) -> [Double] {
    matrixProduct(Self.centered(features, mean), basis, inner: mean.count)
  }

  /// Samples from their places in these directions: the nearest to what they were.
  package func original(_ places: [Double]) -> [Double] {
    var features = matrixProduct(
      places, transposed(basis, rows: mean.count), inner: count)
    for k in features.indices { features[k] += mean[k % mean.count] }
    return features
  }

  private static func centered(_ features: [Double], _ mean: [Double]) -> [Double] {
    let d = mean.count
    var centered = features
    for i in 0..<features.count / d {
      for k in 0..<d { centered[i * d + k] -= mean[k] }
    }
    return centered
  }

  /// Rows of length 1, each orthogonal to those before it; what is none becomes 0.
  private static func orthogonalize(_ rows: inout [Double], _ d: Int) {
    let count = rows.count / d
    for i in 0..<count {
      let before = rows[i * d..<(i + 1) * d].reduce(0) { $0 + $1 * $1 }.squareRoot()
      // Twice: once leaves what rounding makes of nearly equal rows.
      for _ in 0..<2 {
        for j in 0..<i {
          var inner = 0.0
          for k in 0..<d { inner += rows[i * d + k] * rows[j * d + k] }
          for k in 0..<d { rows[i * d + k] -= inner * rows[j * d + k] }
        }
      }
      let length = rows[i * d..<(i + 1) * d].reduce(0) { $0 + $1 * $1 }.squareRoot()
      let isLive = length > 1e-10 * before && length > 0
      for k in 0..<d { rows[i * d + k] = isLive ? rows[i * d + k] / length : 0 }
    }
  }
}
