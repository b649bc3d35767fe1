// SPDX-License-Identifier: Apache-2.0

/// What a tensor is made of; the numbers are those of `pcclDataType_t`.
enum ElementKind: UInt8, CaseIterable, Sendable {
  case uint8, int8, int16, uint16, uint32, int32, uint64, int64, float16, bfloat16, float32, float64

  var byteCount: Int {
    switch self {
    case .uint8, .int8: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    }
  }
}

/// How values become one; the numbers are those of `pcclRedOp_t`.
enum ElementOperation: UInt8, CaseIterable, Sendable {
  case sum, average, product, maximum, minimum
}

/// Reduces tensors that lie side by side as bytes, in the order given: the same bits for all.
///
/// Whole numbers wrap around, and their average is rounded towards zero. Half-precision values are
/// added as 32-bit floats and rounded once, to nearest even. A NaN makes its element NaN.
struct ElementReducer: Sendable {
  let kind: ElementKind
  let operation: ElementOperation

  /// - Precondition: at least one tensor, all of the same size, whole elements.
  func reduce(_ tensors: [[UInt8]]) -> [UInt8] {
    switch kind {
    case .uint8: whole(tensors, UInt8.self)
    case .int8: whole(tensors, Int8.self)
    case .int16: whole(tensors, Int16.self)
    case .uint16: whole(tensors, UInt16.self)
    case .uint32: whole(tensors, UInt32.self)
    case .int32: whole(tensors, Int32.self)
    case .uint64: whole(tensors, UInt64.self)
    case .int64: whole(tensors, Int64.self)
    case .float16: real(tensors, UInt16.self, Self.half) { Float16($0).bitPattern }
    case .bfloat16: real(tensors, UInt16.self, Self.brain, Self.brain)
    case .float32: real(tensors, UInt32.self, Float.init(bitPattern:)) { $0.bitPattern }
    case .float64: real(tensors, UInt64.self, Double.init(bitPattern:)) { $0.bitPattern }
    }
  }

  private static func half(_ bits: UInt16) -> Float { Float(Float16(bitPattern: bits)) }
  private static func brain(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
  private static func brain(_ value: Float) -> UInt16 {
    guard !value.isNaN else { return 0x7FC0 }
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }

  private func whole<Whole: FixedWidthInteger>(_ tensors: [[UInt8]], _: Whole.Type) -> [UInt8] {
    fold(tensors, { Whole(truncatingIfNeeded: $0) }, { UInt64(truncatingIfNeeded: $0) }) { a, b in
      switch operation {
      case .sum, .average: a &+ b
      case .product: a &* b
      case .maximum: max(a, b)
      case .minimum: min(a, b)
      }
    } finish: { sum, count in
      // A type too small for the count of peers takes no division by it.
      operation == .average ? (Whole(exactly: count).map { sum / $0 } ?? 0) : sum
    }
  }

  private func real<Bits: FixedWidthInteger & UnsignedInteger, Real: BinaryFloatingPoint>(
    _ tensors: [[UInt8]], _: Bits.Type, _ decode: @escaping (Bits) -> Real,
    _ encode: @escaping (Real) -> Bits
  ) -> [UInt8] {
    fold(tensors, { decode(Bits(truncatingIfNeeded: $0)) }, { UInt64(encode($0)) }) { a, b in
      switch operation {
      case .sum, .average: a + b
      case .product: a * b
      case .maximum: a.isNaN || b.isNaN ? .nan : max(a, b)
      case .minimum: a.isNaN || b.isNaN ? .nan : min(a, b)
      }
    } finish: { sum, count in
      operation == .average ? sum / Real(count) : sum
    }
  }

  private func fold<Value>(
    _ tensors: [[UInt8]], _ decode: (UInt64) -> Value, _ encode: (Value) -> UInt64,
    _ combine: (Value, Value) -> Value, finish: (Value, Int) -> Value
  ) -> [UInt8] {
    let size = kind.byteCount
    var result = [UInt8](repeating: 0, count: tensors[0].count)
    for start in stride(from: 0, to: result.count, by: size) {
      func value(_ tensor: [UInt8]) -> Value {
        var bits: UInt64 = 0
        for i in 0..<size { bits |= UInt64(tensor[start + i]) << UInt64(8 * i) }
        return decode(bits)
      }
      var all = value(tensors[0])
      for tensor in tensors.dropFirst() { all = combine(all, value(tensor)) }
      let bits = encode(finish(all, tensors.count))
      for i in 0..<size { result[start + i] = UInt8(truncatingIfNeeded: bits >> UInt64(8 * i)) }
    }
    return result
  }
}
