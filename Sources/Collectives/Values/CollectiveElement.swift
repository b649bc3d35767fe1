// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryTensors

/// An element that chunks carry: by a codec where it is a float, and else as its bytes.
protocol CollectiveElement: FoldableElement {
  /// The values as `Values`.
  static func wrap(_ values: [Self]) -> Values

  /// 0, or a flag that is not set.
  static var zero: Self { get }

  /// The first element whose bytes no encoder writes, where a type has such.
  static func firstUnsound(_ bytes: Span<UInt8>) -> Int?

  /// Multiplies each. A requirement, so that each type has a loop of its own: a machine is generic
  /// at run time, and a generic loop takes a hundred times as long.
  static func scale(_ values: inout MutableSpan<Self>, by scale: Double)

  /// Divides each; a division, not a product by the inverse, which rounds twice.
  static func divide(_ values: inout MutableSpan<Self>, by divisor: Double)

  /// The bytes that `count` elements take on the wire; exact.
  static func byteCount(for count: Int, by codec: any Codec) -> Int

  /// Whether elements may come back changed.
  static func isLossy(_ codec: any Codec) -> Bool

  /// Whether the bytes on the wire are the elements' own.
  static func isPlain(_ codec: any Codec) -> Bool

  static func encode(
    _ values: Span<Self>, by codec: any Codec, seed: Seed, into bytes: inout MutableSpan<UInt8>
  ) throws(CodecError)

  /// An error leaves `values` alone.
  static func decode(
    _ bytes: Span<UInt8>, by codec: any Codec, into values: inout MutableSpan<Self>
  ) throws(CodecError)

  /// Folds what the bytes decode to into `values`; an error leaves them alone.
  static func fold(
    _ fold: Fold, _ bytes: Span<UInt8>, by codec: any Codec, into values: inout MutableSpan<Self>
  ) throws(CodecError)

  /// Throws unless the bytes decode; as many as `count` elements take.
  static func check(_ bytes: Span<UInt8>, by codec: any Codec, count: Int) throws(CodecError)
}

/// The elements' own bytes: what every type but `Float` uses.
extension CollectiveElement {
  static func scale(_ values: inout MutableSpan<Self>, by scale: Double) {
    for i in values.indices { values[i] = values[i].times(scale) }
  }

  static func divide(_ values: inout MutableSpan<Self>, by divisor: Double) {
    for i in values.indices { values[i] = values[i].over(divisor) }
  }

  static func byteCount(for count: Int, by codec: any Codec) -> Int {
    count * MemoryLayout<Self>.stride
  }

  static func isLossy(_ codec: any Codec) -> Bool { false }

  static func isPlain(_ codec: any Codec) -> Bool { true }

  static func encode(
    _ values: Span<Self>, by codec: any Codec, seed: Seed, into bytes: inout MutableSpan<UInt8>
  ) {
    Bytes.copy(values.elementBytes, into: &bytes)
  }

  static func decode(
    _ bytes: Span<UInt8>, by codec: any Codec, into values: inout MutableSpan<Self>
  ) throws(CodecError) {
    try check(bytes, by: codec, count: values.count)
    Bytes.copy(bytes.elementBytes, into: &values)
  }

  static func fold(
    _ fold: Fold, _ bytes: Span<UInt8>, by codec: any Codec, into values: inout MutableSpan<Self>
  ) throws(CodecError) {
    try check(bytes, by: codec, count: values.count)
    Kernels.fold(fold, bytes: bytes.elementBytes, into: &values)
  }

  static func check(_ bytes: Span<UInt8>, by codec: any Codec, count: Int) throws(CodecError) {
    guard let bad = firstUnsound(bytes) else { return }
    throw CodecError(
      .malformed, "the byte \(bytes[bad]) is no flag", at: "value \(bad)",
      remedy: "The bytes were damaged or made by another version; ask for them again.", index: bad)
  }

  static func firstUnsound(_ bytes: Span<UInt8>) -> Int? { nil }
}

extension Float: CollectiveElement {
  static func wrap(_ values: [Float]) -> Values { .f32(values) }

  static func scale(_ values: inout MutableSpan<Float>, by scale: Double) {
    Kernels.scale(&values, by: Float(scale))
  }

  static func divide(_ values: inout MutableSpan<Float>, by divisor: Double) {
    let divisor = Float(divisor)
    for i in values.indices { values[i] /= divisor }
  }

  static func byteCount(for count: Int, by codec: any Codec) -> Int { codec.byteCount(for: count) }

  static func isLossy(_ codec: any Codec) -> Bool { codec.isLossy }

  static func isPlain(_ codec: any Codec) -> Bool { codec.kind == .float32 }

  static func encode(
    _ values: Span<Float>, by codec: any Codec, seed: Seed, into bytes: inout MutableSpan<UInt8>
  ) throws(CodecError) {
    try codec.encode(values, seed: seed, into: &bytes)
  }

  static func decode(
    _ bytes: Span<UInt8>, by codec: any Codec, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    try codec.decode(bytes, into: &values)
  }

  static func fold(
    _ fold: Fold, _ bytes: Span<UInt8>, by codec: any Codec, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    if fold == .sum { return try codec.accumulate(bytes, into: &values) }
    let decoded = try codec.decode(bytes, count: values.count)
    Kernels.fold(fold, bytes: decoded.span.elementBytes, into: &values)
  }

  static func check(_ bytes: Span<UInt8>, by codec: any Codec, count: Int) throws(CodecError) {
    if codec.isLossy { _ = try codec.decode(bytes, count: count) }
  }
}

extension Double: CollectiveElement {
  static func wrap(_ values: [Double]) -> Values { .f64(values) }
}
extension Half: CollectiveElement {
  static var zero: Half { Half(bitPattern: 0) }
  static func wrap(_ values: [Half]) -> Values { .f16(values) }
}
extension BFloat16: CollectiveElement {
  static var zero: BFloat16 { BFloat16(bitPattern: 0) }
  static func wrap(_ values: [BFloat16]) -> Values { .bf16(values) }
}
extension Int8: CollectiveElement {
  static func wrap(_ values: [Int8]) -> Values { .i8(values) }
}
extension Int16: CollectiveElement {
  static func wrap(_ values: [Int16]) -> Values { .i16(values) }
}
extension Int32: CollectiveElement {
  static func wrap(_ values: [Int32]) -> Values { .i32(values) }
}
extension Int64: CollectiveElement {
  static func wrap(_ values: [Int64]) -> Values { .i64(values) }
}
extension UInt8: CollectiveElement {
  static func wrap(_ values: [UInt8]) -> Values { .u8(values) }
}
extension UInt16: CollectiveElement {
  static func wrap(_ values: [UInt16]) -> Values { .u16(values) }
}
extension UInt32: CollectiveElement {
  static func wrap(_ values: [UInt32]) -> Values { .u32(values) }
}
extension UInt64: CollectiveElement {
  static func wrap(_ values: [UInt64]) -> Values { .u64(values) }
}

extension Flag: CollectiveElement {
  static func wrap(_ values: [Flag]) -> Values { .bool(values.map(\.isSet)) }
  static var zero: Flag { Flag(false) }

  static func firstUnsound(_ bytes: Span<UInt8>) -> Int? {
    bytes.indices.first { bytes[$0] > 1 }
  }
}
