// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How far beyond a Sinkhorn step to go: θ in [1, 2), from the contraction that is seen.
///
/// Near the solution an iteration contracts as successive over-relaxation does, so that the rate r
/// of plain steps gives the best θ = 2/(1 + √(1 − r)), and the rate seen at any θ gives r (Young
/// 1954; for Sinkhorn Thibault et al. 2021, section 4).
struct Relaxation {
  /// The factor of the next step.
  private(set) var theta = 1.0
  private var errors: [Double] = []
  private var least = Double.infinity
  private var isOff = false

  /// Errors seen before a rate is taken from them: fewer at first, when every step of 1 is slow.
  private var window = 10
  private static let thetaGreatest = 1.98

  /// Takes in the error before a step.
  mutating func observe(_ error: Double) {
    guard !isOff else { return }
    if theta > 1, !(error <= 100 * least) {
      theta = 1
      isOff = true
      return
    }
    least = min(least, error)
    errors.append(error)
    guard errors.count > window else { return }
    let from = errors[window / 2]
    let rate = pow(error / from, 2 / Double(window))
    window = 20
    errors.removeAll(keepingCapacity: true)
    guard rate < 1, rate > max(0.5, theta - 1) else { return }
    let root = (rate + theta - 1) / theta
    let plain = min(root * root / rate, 0.9999)
    theta = min(2 / (1 + (1 - plain).squareRoot()), Self.thetaGreatest)
  }
}
