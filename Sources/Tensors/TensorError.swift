// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// What went wrong with a tensor or a file of tensors: what, where, and what to do.
public struct TensorError: FerryError, Equatable {
  /// A struct, not an enum, so that a new code breaks no caller's `switch`.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    /// The file cannot be opened or read.
    public static let unreadable = Code(rawValue: "file-unreadable")
    /// The file cannot be created or written; nothing was left at its name.
    public static let unwritable = Code(rawValue: "file-unwritable")
    /// The file ends before what its header promises.
    public static let truncated = Code(rawValue: "file-truncated")
    /// The file says something that its format does not allow.
    public static let malformed = Code(rawValue: "file-malformed")
    /// The file is well formed, and uses something that Ferry does not read or write.
    public static let unsupported = Code(rawValue: "file-unsupported")
    /// There is no tensor of that name.
    public static let missing = Code(rawValue: "tensor-missing")
    /// A negative dimension, too many of them, or more elements than memory can address.
    public static let badShape = Code(rawValue: "shape-invalid")
    /// A negative count, a part outside its whole, or a layout that no `Int` can address.
    public static let badLayout = Code(rawValue: "layout-invalid")
    /// The elements are of another type than was asked for.
    public static let wrongType = Code(rawValue: "element-type-mismatch")
    /// The file's tensors are not those of the model.
    public static let mismatch = Code(rawValue: "model-mismatch")
    /// A name given twice, or one that the format reserves.
    public static let badName = Code(rawValue: "tensor-name-invalid")
  }

  /// Which kind of trouble it is.
  public let code: Code
  /// What happened, with the numbers.
  public let what: String
  /// The file, and the tensor where there is one.
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
