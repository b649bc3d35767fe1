// SPDX-License-Identifier: Apache-2.0

/// What one element of a tensor is, on the host and in files.
///
/// The raw value is the name in safetensors files.
public enum ElementType: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
  case f32 = "F32"
  case f64 = "F64"
  case f16 = "F16"
  case bf16 = "BF16"
  case i8 = "I8"
  case i16 = "I16"
  case i32 = "I32"
  case i64 = "I64"
  case u8 = "U8"
  case u16 = "U16"
  case u32 = "U32"
  case u64 = "U64"
  /// One byte, 0 or 1.
  case bool = "BOOL"

  /// Bytes an element takes, in memory and in files: 1, 2, 4 or 8.
  public var byteWidth: Int {
    switch self {
    case .i8, .u8, .bool: 1
    case .f16, .bf16, .i16, .u16: 2
    case .f32, .i32, .u32: 4
    case .f64, .i64, .u64: 8
    }
  }

  /// The name in safetensors files: `F32`.
  public var description: String { rawValue }

  /// The number in messages and in the C loops (`FERRY_F32`); never reused.
  public var number: UInt8 {
    switch self {
    case .f32: 1
    case .f64: 2
    case .f16: 3
    case .bf16: 4
    case .i8: 5
    case .i16: 6
    case .i32: 7
    case .i64: 8
    case .u8: 9
    case .u16: 10
    case .u32: 11
    case .u64: 12
    case .bool: 13
    }
  }

  /// The type with this number; nil where there is none.
  public init?(number: UInt8) {
    guard let found = Self.allCases.first(where: { $0.number == number }) else { return nil }
    self = found
  }

  /// NumPy's type string, little-endian: `<f4`. Nil for bf16, which NumPy does not have.
  public var npyDescription: String? {
    switch self {
    case .f32: "<f4"
    case .f64: "<f8"
    case .f16: "<f2"
    case .bf16: nil
    case .i8: "|i1"
    case .i16: "<i2"
    case .i32: "<i4"
    case .i64: "<i8"
    case .u8: "|u1"
    case .u16: "<u2"
    case .u32: "<u4"
    case .u64: "<u8"
    case .bool: "|b1"
    }
  }

  /// The type whose NumPy type string this is; nil for others, big-endian ones among them.
  public init?(npyDescription: String) {
    guard let found = Self.allCases.first(where: { $0.npyDescription == npyDescription }) else {
      return nil
    }
    self = found
  }
}
