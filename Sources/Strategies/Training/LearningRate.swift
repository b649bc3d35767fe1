// SPDX-License-Identifier: Apache-2.0

/// The inner learning rate as a function of the run's step number.
///
/// Driven by the shared step number, never by a local count, so that a newcomer uses the rate its
/// fellows use. Computed with plain arithmetic alone (no library cosine, which differs in the
/// last bit between systems): data-parallel members must agree to the bit.
public struct LearningRate: Sendable, Equatable {
  /// What happens after the warm-up.
  public enum Decay: Sendable, Equatable {
    case none
    /// Straight down to `floor · peak` at step `until`.
    case linear(until: UInt64, floor: Double)
    /// Half a cosine down to `floor · peak` at step `until`.
    case cosine(until: UInt64, floor: Double)
  }

  /// The highest rate, above 0.
  public let peak: Float
  /// Over how many steps the rate rises from 0; 0 for none.
  public let warmupSteps: UInt64
  public let decay: Decay

  public init(peak: Float, warmupSteps: UInt64 = 0, decay: Decay = .none) {
    precondition(peak > 0 && peak.isFinite, "learning rate \(peak)")
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.decay = decay
  }

  /// The same with its decay, if there is one, ending at step `end`.
  func ending(at end: UInt64) -> LearningRate {
    switch decay {
    case .none: self
    case .linear(_, let floor):
      LearningRate(peak: peak, warmupSteps: warmupSteps, decay: .linear(until: end, floor: floor))
    case .cosine(_, let floor):
      LearningRate(peak: peak, warmupSteps: warmupSteps, decay: .cosine(until: end, floor: floor))
    }
  }

  /// The rate of step `step`, the first being 0.
  public func at(step: UInt64) -> Float {
    if step < warmupSteps {
      return Float(Double(peak) * Double(step + 1) / Double(warmupSteps))
    }
    switch decay {
    case .none:
      return peak
    case .linear(let until, let floor):
      return between(floor, 1 - progress(step, until))
    case .cosine(let until, let floor):
      return between(floor, (1 + Self.cosineOfPi(progress(step, until))) / 2)
    }
  }

  private func between(_ floor: Double, _ share: Double) -> Float {
    Float(Double(peak) * (floor + (1 - floor) * share))
  }

  private func progress(_ step: UInt64, _ until: UInt64) -> Double {
    guard step < until, until > warmupSteps else { return 1 }
    return Double(step - warmupSteps) / Double(until - warmupSteps)
  }

  /// `cos(π x)` for x in 0...1, by the Taylor series about ½ (to 1e-15).
  private static func cosineOfPi(_ x: Double) -> Double {
    let t = Double.pi * (0.5 - x)  // cos(πx) = sin(t), |t| ≤ π/2
    var (term, sum) = (t, t)
    for k in 1...11 {
      term = -term * t * t / Double(2 * k * (2 * k + 1))
      sum += term
    }
    return sum
  }
}
