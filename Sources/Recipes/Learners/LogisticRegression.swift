// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Foundation

/// Classes from features by a linear map and a softmax; equal samples give equal fits, bit for bit.
///
/// Minimizes `mean cross-entropy + penalty/(2n) ‖W‖²`, the constants free, by Nesterov's accelerated
/// gradient with restarts (O'Donoghue and Candès 2015) and the step that the features' spread allows.
package struct LogisticRegression: Sendable {
  /// How many features a sample has.
  package let dimensions: Int
  /// How many classes there are, whether or not there were samples of all.
  package let classes: Int
  /// `[d + 1, classes]`, the constants last.
  package private(set) var weights: [Double]

  /// How large a gradient's entry may be at the end.
  private static let tolerance = 1e-5

  /// - Parameters:
  ///   - features: `[n, d]`, sample after sample.
  ///   - labels: `[n]`, from 0 to below `classes`.
  ///   - penalty: as if each weight had been seen that often at 0.
  package init(
    _ features: [Double], labels: [Int], dimensions: Int, classes: Int, penalty: Double = 1,
    stepsMax: Int = 300
  ) {
    self.dimensions = dimensions
    self.classes = classes
    let n = labels.count
    precondition(
      n > 0 && features.count == n * dimensions, "\(n) labels, \(features.count) features")
    weights = [Double](repeating: 0, count: (dimensions + 1) * classes)
    let rows = Self.withConstant(features, dimensions)
    let turned = transposed(rows, rows: n)
    let ridge = penalty / Double(n)
    // Half the greatest eigenvalue of the features' second moment bounds the softmax's curvature.
    let rate = 1 / (Self.greatestMoment(rows, turned, count: n) / 2 + ridge)
    var ahead = weights
    var momentum = 1.0
    for _ in 0..<stepsMax {
      var slope = matrixProduct(turned, residuals(rows, labels, at: ahead), inner: n)
      for k in slope.indices { slope[k] /= Double(n) }
      for k in 0..<dimensions * classes { slope[k] += ridge * ahead[k] }
      if slope.allSatisfy({ abs($0) <= Self.tolerance }) {
        weights = ahead
        return
      }
      var uphill = 0.0
      let before = weights
      for k in weights.indices {
        weights[k] = ahead[k] - rate * slope[k]
        uphill += slope[k] * (weights[k] - before[k])
      }
      // Where the way goes uphill, momentum begins anew.
      let next = uphill > 0 ? 1 : (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
      let pull = uphill > 0 ? 0 : (momentum - 1) / next
      for k in weights.indices { ahead[k] = weights[k] + pull * (weights[k] - before[k]) }
      momentum = next
    }
  }

  /// The likeliest class of each sample.
  package func predictions(_ features: [Double]) -> [Int] {
    let scores = matrixProduct(
      Self.withConstant(features, dimensions), weights, inner: dimensions + 1)
    return stride(from: 0, to: scores.count, by: classes).map { start in
      (0..<classes).max { scores[start + $0] < scores[start + $1] }!
    }
  }

  /// The share of samples whose likeliest class is theirs.
  package func accuracy(_ features: [Double], labels: [Int]) -> Double {
    let hits = zip(predictions(features), labels).count { $0 == $1 }
    return Double(hits) / Double(labels.count)
  }

  /// Each sample's gradient of its cross-entropy, `[n, (d + 1) · classes]`.
  package func gradients(_ features: [Double], labels: [Int]) -> [Double] {
    let rows = Self.withConstant(features, dimensions)
    let residuals = residuals(rows, labels, at: weights)
    let width = dimensions + 1
    var all: [Double] = []
    all.reserveCapacity(labels.count * width * classes)
    for i in labels.indices {
      for k in 0..<width {
        let x = rows[i * width + k]
        for c in 0..<classes { all.append(x * residuals[i * classes + c]) }
      }
    }
    return all
  }

  /// Probabilities less 1 at the labels, `[n, classes]`.
  private func residuals(_ rows: [Double], _ labels: [Int], at weights: [Double]) -> [Double] {
    var scores = matrixProduct(rows, weights, inner: dimensions + 1)
    for (i, label) in labels.enumerated() {
      let range = i * classes..<(i + 1) * classes
      var greatest = -Double.infinity
      for k in range { greatest = max(greatest, scores[k]) }
      var sum = 0.0
      for k in range {
        scores[k] = exp(scores[k] - greatest)
        sum += scores[k]
      }
      for k in range { scores[k] /= sum }
      scores[i * classes + label] -= 1
    }
    return scores
  }

  private static func withConstant(_ features: [Double], _ d: Int) -> [Double] {
    let n = features.count / d
    var rows: [Double] = []
    rows.reserveCapacity(n * (d + 1))
    for i in 0..<n {
      rows += features[i * d..<(i + 1) * d]
      rows.append(1)
    }
    return rows
  }

  /// The greatest eigenvalue of `XᵀX/n`, from below by a few products and raised by a tenth.
  private static func greatestMoment(
    _ rows: [Double], _ turned: [Double], count n: Int
  ) -> Double {
    let width = rows.count / n
    let moment = matrixProduct(turned, rows, inner: n).map { $0 / Double(n) }
    var vector = [Double](repeating: 1, count: width)
    var greatest = 0.0
    for _ in 0..<30 {
      let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard length > 0 else { break }
      vector = matrixProduct(moment, vector.map { $0 / length }, inner: width)
      greatest = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    return 1.1 * greatest
  }
}
