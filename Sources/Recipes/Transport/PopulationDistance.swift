// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Foundation

/// How far apart two populations of points are, pairs unknown.
struct PopulationDistance: Sendable {
  /// The squared maximum mean discrepancy, the mean over six widths of a Gaussian kernel (Bunne et
  /// al. 2023).
  let discrepancy: Double
  /// The length of the difference of the means.
  let signature: Double
  /// The least mean distance that one has to be moved to become the other.
  let moved: Double

  /// Rates of the kernels `exp(−γ‖x − y‖²)`.
  static let rates = [2, 1, 0.5, 0.1, 0.01, 0.005]

  /// - Parameters:
  ///   - found: `[n, d]`.
  ///   - truth: `[n, d]`, as many.
  init(_ found: [Double], _ truth: [Double], dimensions d: Int) throws {
    func mean(_ features: [Double]) -> [Double] {
      (0..<d).map { k in
        stride(from: k, to: features.count, by: d).reduce(0.0) { $0 + features[$1] }
          / Double(features.count / d)
      }
    }
    signature = zip(mean(found), mean(truth)).reduce(0) {
      $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
    }.squareRoot()
    discrepancy = Self.discrepancy(found, truth, dimensions: d)
    let cloud = try PointCloud(
      Points(found, dimensions: d), Points(truth, dimensions: d), cost: .euclidean)
    moved = try ExactTransport().solve(LinearProblem(cloud)).transportCost
  }

  /// The squared maximum mean discrepancy alone.
  static func discrepancy(_ found: [Double], _ truth: [Double], dimensions d: Int) -> Double {
    kernel(found, found, d) + kernel(truth, truth, d) - 2 * kernel(found, truth, d)
  }

  /// The mean of all kernels over all pairs.
  private static func kernel(_ x: [Double], _ y: [Double], _ d: Int) -> Double {
    var sum = 0.0
    for i in stride(from: 0, to: x.count, by: d) {
      for j in stride(from: 0, to: y.count, by: d) {
        var squares = 0.0
        for k in 0..<d { squares += (x[i + k] - y[j + k]) * (x[i + k] - y[j + k]) }
        for rate in rates where rate * squares < 40 { sum += exp(-rate * squares) }
      }
    }
    return sum / (Double(x.count / d) * Double(y.count / d) * Double(rates.count))
  }
}
