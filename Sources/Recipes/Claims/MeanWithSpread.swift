// SPDX-License-Identifier: Apache-2.0

/// A mean with half the width of its interval of 95 %.
struct MeanWithSpread: Sendable {
  private var count = 0.0
  private var sum = 0.0
  private var squares = 0.0

  mutating func add(_ value: Double) {
    count += 1
    sum += value
    squares += value * value
  }

  /// How many values there are.
  var total: Int { Int(count) }

  var mean: Double { sum / count }

  /// Of the values themselves.
  var deviation: Double { max(0, squares / count - mean * mean).squareRoot() }

  /// Of a normal mean; 0 of a single value.
  var spread: Double {
    guard count > 1 else { return 0 }
    return 1.96 * (max(0, squares / count - mean * mean) / (count - 1)).squareRoot()
  }
}
