// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Performance at a size that was never trained, from two that were: a straight line in the logarithm of the
/// size (projektor, stage 2; Kang et al. 2023, equation 7).
public struct LogProjection: Sendable, Equatable {
  /// The smaller size, above 0.
  public let small: Double
  /// The greater size.
  public let large: Double

  /// - Throws: `.badSetting` unless 0 < small < large, both finite.
  public init(from small: Int, _ large: Int) throws(TransportError) {
    guard small > 0, large > small else {
      throw TransportError(
        .badSetting, "pilots of \(small) and \(large) samples", at: "projection",
        remedy: "Give two sizes above 0, the smaller first.")
    }
    self.small = Double(small)
    self.large = Double(large)
  }

  /// `log(N/N₀) L₁ − log(N/N₁) L₀`, over `log(N₁/N₀)`.
  public func callAsFunction(_ atSmall: Double, _ atLarge: Double, size: Int) -> Double {
    let (toSmall, toLarge) = weights(size)
    return toLarge * atLarge + toSmall * atSmall
  }

  /// What the two performances count for; they add up to 1, and errors grow with them.
  public func weights(_ size: Int) -> (small: Double, large: Double) {
    let step = log(large / small)
    return (-log(Double(size) / large) / step, log(Double(size) / small) / step)
  }
}
