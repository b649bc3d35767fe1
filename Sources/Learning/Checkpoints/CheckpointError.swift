// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Why a checkpoint was not written or not read: what, where, and what to do.
public struct CheckpointError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    /// No space was left; earlier checkpoints are as they were.
    public static let diskFull = Code(rawValue: "disk-full")
    /// The system refused to write; earlier checkpoints are as they were.
    public static let unwritable = Code(rawValue: "checkpoint-unwritable")
    /// The system refused to read.
    public static let unreadable = Code(rawValue: "checkpoint-unreadable")
    /// A file is missing, short, or not what was written.
    public static let damaged = Code(rawValue: "checkpoint-damaged")
    /// There are checkpoints, and none of them can be read.
    public static let noneReadable = Code(rawValue: "checkpoint-none-readable")
    /// There is no checkpoint of that name.
    public static let missing = Code(rawValue: "checkpoint-missing")
    /// A newer Ferry wrote it.
    public static let unsupported = Code(rawValue: "checkpoint-unsupported")
    /// Its tensors are not those of the model.
    public static let mismatch = Code(rawValue: "checkpoint-mismatch")
  }

  /// Which kind of trouble it is.
  public let code: Code
  /// What happened, with the numbers.
  public let what: String
  /// The checkpoint or its file.
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
