// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Why an island did not do what was asked.
public struct IslandError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The engine's library is not there, or is none.
    public static let engineMissing = Code(rawValue: "engine-missing")
    /// The engine says that something failed.
    public static let engineFailed = Code(rawValue: "engine-failed")
    /// The leader could not sum with the other islands.
    public static let leaderFailed = Code(rawValue: "leader-failed")
  }

  public let code: Code
  public let what: String
  public let place: String
  public let remedy: String
  public var codeName: String { code.rawValue }

  public init(_ code: Code, _ what: String, place: String, remedy: String) {
    (self.code, self.what, self.place, self.remedy) = (code, what, place, remedy)
  }
}
