// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// What went wrong with a text, its samples or their ledger: what, where, and what to do.
public struct DataError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    /// There is no file or folder of that name.
    public static let textNotFound = Code(rawValue: "text-not-found")
    /// The file or folder is there and cannot be read.
    public static let textUnreadable = Code(rawValue: "text-unreadable")
    /// The file has no bytes, or the folder no text files.
    public static let textEmpty = Code(rawValue: "text-empty")
    /// The file holds something other than text.
    public static let textNotText = Code(rawValue: "text-not-text")
    /// The training or the validation part is shorter than one window.
    public static let textTooShort = Code(rawValue: "text-too-short")
    /// The text is longer than `Corpus.byteCountMax`.
    public static let textTooLong = Code(rawValue: "text-too-long")
    /// Ferry knows no text of that name.
    public static let textUnknown = Code(rawValue: "text-unknown")
    /// The text could not be fetched.
    public static let textUnavailable = Code(rawValue: "text-unavailable")
    /// What was fetched is not the text that was checked.
    public static let textDamaged = Code(rawValue: "text-damaged")
    /// A round wants to consume a sample that was consumed before.
    public static let sampleTwice = Code(rawValue: "sample-twice")
    /// A round record that makes no sense beside the ledger.
    public static let recordInvalid = Code(rawValue: "record-invalid")
    /// Bytes that are not a ledger.
    public static let ledgerDamaged = Code(rawValue: "ledger-damaged")
  }

  /// Which kind of trouble it is.
  public let code: Code
  /// What happened, with the numbers.
  public let what: String
  /// The file, round or member.
  public let place: String
  /// What the reader can do.
  public let remedy: String

  public init(_ code: Code, _ what: String, at place: String, remedy: String) {
    self.code = code
    self.what = what
    self.place = place
    self.remedy = remedy
  }

  /// The code's stable name.
  public var codeName: String { code.rawValue }
}
