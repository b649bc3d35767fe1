// SPDX-License-Identifier: Apache-2.0

/// One thing that a paper claims, so that it can fail.
public struct Claim: Sendable, Equatable {
  /// What is enough.
  public enum Need: Sendable, Equatable {
    /// At most this.
    case atMost(Double)
    /// At least this.
    case atLeast(Double)
  }

  /// A short stable name.
  public let id: String
  /// What is claimed, in one sentence.
  public let sentence: String
  /// What is measured.
  public let metric: String
  /// What is enough.
  public let need: Need
  /// The paper's own figure, or that it has none.
  public let reported: String

  /// In the order in which one reads them.
  ///
  /// - Parameters:
  ///   - sentence: ends with a full stop.
  ///   - paper: its own figure, or that it has none.
  public init(
    _ id: String, _ sentence: String, _ metric: String, _ need: Need, paper reported: String
  ) {
    self.id = id
    self.sentence = sentence
    self.metric = metric
    self.need = need
    self.reported = reported
  }

  /// What a measurement says of the claim.
  public func verdict(_ measured: Measured, budget: Budget) -> Verdict {
    guard budget != .smoke else { return .notEvaluated }
    guard measured.value.isFinite else { return .fail }
    switch need {
    case .atMost(let bound):
      if measured.value <= bound { return .pass }
      return measured.baseline.map { measured.value < $0 } == true ? .weak : .fail
    case .atLeast(let bound):
      if measured.value >= bound { return .pass }
      return measured.baseline.map { measured.value > $0 } == true ? .weak : .fail
    }
  }
}

/// What was measured for a claim.
public struct Measured: Sendable, Equatable {
  /// Of the method.
  public let value: Double
  /// The same of what it is compared with; nil where the claim is about the method alone.
  public let baseline: Double?

  /// A value, and that of the baseline.
  public init(_ value: Double, baseline: Double? = nil) {
    self.value = value
    self.baseline = baseline
  }

  /// The greater of two errors. What is no number is worse than any that is: `max` would drop it, and a
  /// claim hold by it.
  package static func worse(_ a: Double, _ b: Double) -> Double { a.isNaN || a >= b ? a : b }

  /// The greatest of some errors, likewise.
  package static func worst(_ errors: [Double]) -> Double { errors.reduce(-.infinity, worse) }
}

/// What came of a claim.
public enum Verdict: String, Sendable, Codable, CaseIterable {
  /// The measurement is enough.
  case pass = "PASS"
  /// Better than the baseline, but not by enough.
  case weak = "WEAK"
  /// No better than the baseline.
  case fail = "FAIL"
  /// Measured at a toy size.
  case notEvaluated = "NOT EVALUATED"
}
