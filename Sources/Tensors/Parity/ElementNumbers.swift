// SPDX-License-Identifier: Apache-2.0

/// What the bits of one element mean.
struct ElementNumbers {
  private let type: ElementType

  init(_ type: ElementType) { self.type = type }

  private var bitCount: Int { 8 * type.byteWidth }

  /// `0x` and all digits.
  func hex(_ bits: UInt64) -> String {
    let digits = String(bits, radix: 16)
    return "0x" + String(repeating: "0", count: bitCount / 4 - digits.count) + digits
  }

  /// Bits of the exponent, for a type that has one.
  private var exponentMask: UInt64? {
    switch type {
    case .f16: 0x7C00
    case .bf16: 0x7F80
    case .f32: 0x7F80_0000
    case .f64: 0x7FF0_0000_0000_0000
    default: nil
    }
  }

  private var sign: UInt64 { 1 << UInt64(bitCount - 1) }

  func isNaN(_ bits: UInt64) -> Bool {
    exponentMask.map { bits & ~sign > $0 } ?? false
  }

  /// How many steps of the type lead from the one to the other; nil when either is NaN.
  func distance(_ a: UInt64, _ b: UInt64) -> UInt64? {
    if isNaN(a) || isNaN(b) { return nil }
    let (x, y) = (place(a), place(b))
    return x > y ? x &- y : y &- x
  }

  /// Values in their order as unsigned numbers; both zeros of floats have one place.
  private func place(_ bits: UInt64) -> UInt64 {
    switch type {
    case .u8, .u16, .u32, .u64, .bool: return bits
    case .i8, .i16, .i32, .i64: return bits ^ sign
    case .f16, .bf16, .f32, .f64: return bits & sign == 0 ? sign + bits : sign - (bits ^ sign)
    }
  }

  /// The value; `nan` for every NaN.
  func text(_ bits: UInt64) -> String {
    switch type {
    case .f64: "\(Double(bitPattern: bits))"
    case .f32: "\(Float(bitPattern: UInt32(bits)))"
    case .f16: "\(Half(bitPattern: UInt16(bits)).float)"
    case .bf16: "\(BFloat16(bitPattern: UInt16(bits)).float)"
    case .i8: "\(Int8(truncatingIfNeeded: bits))"
    case .i16: "\(Int16(truncatingIfNeeded: bits))"
    case .i32: "\(Int32(truncatingIfNeeded: bits))"
    case .i64: "\(Int64(bitPattern: bits))"
    case .u8, .u16, .u32, .u64: "\(bits)"
    case .bool: bits == 0 ? "false" : "true"
    }
  }
}
