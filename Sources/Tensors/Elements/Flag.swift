// SPDX-License-Identifier: Apache-2.0

/// A truth value as it lies in tensors: one byte, 0 or 1.
///
/// Not `Bool`, for which any other byte is undefined; here it is only unsound, and can be found.
public struct Flag: FoldableElement, Hashable {
  /// 0 or 1; another where bytes from elsewhere were not checked.
  public var byte: UInt8

  public init(_ value: Bool) { byte = value ? 1 : 0 }

  /// The flag with this byte; not checked.
  public init(byte: UInt8) { self.byte = byte }

  /// Whether it is set.
  public var isSet: Bool { byte != 0 }

  public static var elementType: ElementType { .bool }

  /// Or, for sums and the greatest; and, for products and the least.
  public static func fold(_ fold: Fold, _ a: Flag, _ b: Flag) -> Flag {
    switch fold {
    case .sum, .max: Flag(byte: a.byte | b.byte)
    case .product, .min: Flag(byte: a.byte & b.byte)
    }
  }

  /// The flag itself: a flag has no parts.
  public func times(_ scale: Double) -> Flag { self }
  /// The flag itself.
  public func over(_ divisor: Double) -> Flag { self }
}
