// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Why a recipe did not run.
public struct RecipeError: FerryError {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    /// A claim that the recipe measured nothing for.
    public static let claimWithoutMeasurement = Code(rawValue: "claim-without-measurement")
    /// A picture whose bytes do not fit its size.
    public static let badPicture = Code(rawValue: "picture-malformed")
    /// Data that a recipe needs, and this machine has not.
    public static let dataMissing = Code(rawValue: "data-missing")
    /// Data that could not be brought or kept.
    public static let dataUnavailable = Code(rawValue: "data-unavailable")
    /// Data that is not what it should be: another hash, another form.
    public static let dataDamaged = Code(rawValue: "data-damaged")
  }

  /// Which kind of trouble it is.
  public let code: Code
  /// What happened, with the numbers.
  public let what: String
  /// The recipe, or a part of it.
  public let place: String
  /// What the reader can do.
  public let remedy: String

  init(_ code: Code, _ what: String, at place: String, remedy: String) {
    self.code = code
    self.what = what
    self.place = place
    self.remedy = remedy
  }

  /// The code's stable name.
  public var codeName: String { code.rawValue }
}
