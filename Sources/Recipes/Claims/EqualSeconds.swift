// SPDX-License-Identifier: Apache-2.0

/// What a baseline may do in the seconds that a method took: at equal steps a method whose steps are
/// dearer has had more.
package enum EqualSeconds {
  /// Seconds that differ by less are equal: those of one and the same training differ by as much.
  static let slack = 1.05

  /// A baseline's steps as its own schedule counts them, so many that they take as long as the method
  /// took; no fewer than those it took, and those where neither took time.
  ///
  /// - Parameters:
  ///   - steps: what it took.
  ///   - seconds: how long those took it.
  ///   - method: how long the method took.
  package static func steps(_ steps: Int, taking seconds: Double, method: Double) -> Int {
    guard seconds > 0, method > slack * seconds else { return steps }
    return Int((Double(steps) * method / seconds).rounded(.up))
  }
}
