// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Why values were not encoded, or bytes not decoded.
public struct CodecError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    /// A value is an infinity or NaN, and the codec is lossy.
    public static let notFinite = Code(rawValue: "value-not-finite")
    /// A finite value has no finite code.
    public static let outOfRange = Code(rawValue: "value-out-of-range")
    /// The bytes are more or fewer than the values take.
    public static let wrongLength = Code(rawValue: "encoding-wrong-length")
    /// The bytes are not what the encoder writes.
    public static let malformed = Code(rawValue: "encoding-malformed")
    /// No codec has that name or number.
    public static let unknown = Code(rawValue: "codec-unknown")
  }

  /// Which kind of trouble it is.
  public let code: Code
  /// What happened, with the numbers.
  public let what: String
  /// The codec and the element.
  public let place: String
  /// What the reader can do.
  public let remedy: String
  /// The index of the element, where one is to blame.
  public let index: Int?

  public init(
    _ code: Code, _ what: String, at place: String, remedy: String, index: Int? = nil
  ) {
    self.code = code
    self.what = what
    self.place = place
    self.remedy = remedy
    self.index = index
  }

  /// The code's stable name.
  public var codeName: String { code.rawValue }
}
