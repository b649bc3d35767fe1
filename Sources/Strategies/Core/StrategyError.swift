// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Why training cannot go on: what happened, where, and what to do.
public struct StrategyError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    /// The loss or a value in a mean is not a number.
    public static let lossNotFinite = Code(rawValue: "loss-not-finite")
    /// A state from a fellow or a file does not fit this model or strategy.
    public static let stateMismatch = Code(rawValue: "state-mismatch")
    /// A round came out of order, or with a vector of another length.
    public static let roundMismatch = Code(rawValue: "round-mismatch")
  }

  public let code: Code
  public let what: String
  public let place: String
  public let remedy: String
  public var codeName: String { code.rawValue }

  init(_ code: Code, _ what: String, place: String, remedy: String) {
    self.code = code
    self.what = what
    self.place = place
    self.remedy = remedy
  }
}
