// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Why something in Learning did not work: what happened, where, and what to do.
public struct LearningError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Two shapes, or a shape and an operation, do not go together.
    public static let shapeMismatch = Code(rawValue: "shape-mismatch")
    /// A loss, gradient or parameter is NaN or infinite.
    public static let notFinite = Code(rawValue: "not-finite")
    /// A token or class outside its range.
    public static let tokenOutOfRange = Code(rawValue: "token-out-of-range")
    /// A model, layer or optimizer was asked for with numbers that make no sense.
    public static let badConfiguration = Code(rawValue: "bad-configuration")
    /// Names or shapes of saved state are not those of this model.
    public static let stateMismatch = Code(rawValue: "state-mismatch")
    /// MLX itself refused; its own words are in `what`.
    public static let engine = Code(rawValue: "engine")
  }

  public let code: Code
  public let what: String
  public let place: String
  public let remedy: String

  public init(_ code: Code, _ what: String, place: String, remedy: String) {
    self.code = code
    self.what = what
    self.place = place
    self.remedy = remedy
  }

  public var codeName: String { code.rawValue }

  static func shapes(
    _ operation: String, _ left: [Int], _ right: [Int], remedy: String
  ) -> LearningError {
    LearningError(
      .shapeMismatch, "\(left) does not go with \(right)", place: operation, remedy: remedy)
  }
}
