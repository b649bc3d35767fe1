// SPDX-License-Identifier: Apache-2.0

/// IEEE binary16: 5 exponent bits, 11 bits of precision; the same on every machine.
///
/// Not `Float16`, which Swift does not have on Intel Macs.
public struct Half: Hashable, BitwiseCopyable, Sendable, CustomStringConvertible {
  /// Sign, exponent and 10 stored bits of significand.
  public var bitPattern: UInt16

  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest, ties to even. From 65520 up it is infinity; a NaN stays a (quiet) NaN.
  public init(_ value: Float) {
    let sign = UInt16(value.bitPattern >> 16) & 0x8000
    let magnitude = value.magnitude
    if value.isNaN {
      bitPattern = sign | 0x7e00 | UInt16((value.bitPattern >> 13) & 0x3ff)
    } else if magnitude >= 65520 {
      bitPattern = sign | 0x7c00
    } else if magnitude < 0x1p-14 {
      bitPattern = sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven))
    } else {
      // In units of the last place: a significand of 2048 is the next exponent's 1024.
      let exponent = Int(magnitude.exponent)
      let units = (magnitude.significand * 1024).rounded(.toNearestOrEven)
      bitPattern = sign | UInt16((exponent + 14) * 1024 + Int(units))
    }
  }

  /// The same value; exact.
  public var float: Float {
    let sign: Float = bitPattern & 0x8000 == 0 ? 1 : -1
    let exponent = Int(bitPattern >> 10) & 0x1f
    let units = Float(bitPattern & 0x3ff)
    switch exponent {
    case 0: return sign * units * 0x1p-24
    case 0x1f where units == 0: return sign * .infinity
    case 0x1f:
      let bits = UInt32(bitPattern & 0x8000) << 16 | 0x7fc0_0000 | UInt32(bitPattern & 0x3ff) << 13
      return Float(bitPattern: bits)
    default:
      return Float(sign: .plus, exponent: exponent - 15, significand: sign * (1 + units / 1024))
    }
  }

  public var description: String { "\(float)" }

  /// The greatest finite value, 65504.
  public static let greatestFinite = Half(bitPattern: 0x7bff)
}
