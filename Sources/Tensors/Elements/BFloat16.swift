// SPDX-License-Identifier: Apache-2.0

/// The upper half of a float: 8 exponent bits, 8 bits of precision.
public struct BFloat16: Hashable, BitwiseCopyable, Sendable, CustomStringConvertible {
  /// Sign, exponent and 7 stored bits of significand.
  public var bitPattern: UInt16

  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest, ties to even. Above 3.3961776e38 it is infinity; a NaN stays a (quiet) NaN.
  public init(_ value: Float) {
    let bits = value.bitPattern
    bitPattern =
      value.isNaN
      ? UInt16(bits >> 16) | 0x40
      : UInt16((UInt64(bits) + 0x7fff + UInt64((bits >> 16) & 1)) >> 16)
  }

  /// The same value; exact.
  public var float: Float { Float(bitPattern: UInt32(bitPattern) << 16) }

  public var description: String { "\(float)" }

  /// The greatest finite value, 3.3895314e38.
  public static let greatestFinite = BFloat16(bitPattern: 0x7f7f)
}
