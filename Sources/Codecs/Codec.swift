// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// Floats in fewer bytes, and back, up to a stated error.
///
/// Every codec keeps these promises, which `CodecConformance` in the tests checks:
/// - `byteCount(for:)` is exact, so that a receiver knows a message's length beforehand;
/// - the same values and seed give the same bytes on every machine, and the same bytes decode
///   to the same floats;
/// - a finite value comes back within `errorBound(peak:)`;
/// - decoding checks everything and leaves the target as it was when it throws.
///
/// Lossy codecs refuse infinities and NaN: an error that names the element is worth more than a
/// block spoiled in silence. `Float32Codec` carries all bits.
public protocol Codec: Sendable {
  /// Which codec it is, for configuration and for messages.
  var kind: CodecKind { get }

  /// The bytes that `count ≥ 0` values take; exact.
  func byteCount(for count: Int) -> Int

  /// Encodes `values` into `bytes`, which has exactly `byteCount(for: values.count)` of them.
  ///
  /// - Parameter seed: where rounding draws from, if it draws; derive one for every message.
  /// - Throws: `.notFinite` or `.outOfRange`, naming the element; `bytes` is of no use then.
  func encode(
    _ values: Span<Float>, seed: Seed, into bytes: inout MutableSpan<UInt8>
  ) throws(CodecError)

  /// Decodes into `values`, which says how many there are.
  ///
  /// - Throws: `.wrongLength`, `.malformed`; `values` is as it was then.
  func decode(_ bytes: Span<UInt8>, into values: inout MutableSpan<Float>) throws(CodecError)

  /// Adds what the bytes decode to, with the same bits as decoding first and adding then.
  ///
  /// - Throws: `.wrongLength`, `.malformed`; `values` is as it was then.
  func accumulate(_ bytes: Span<UInt8>, into values: inout MutableSpan<Float>) throws(CodecError)

  /// The largest `|decoded - value|` of one value, where `peak ≥ 0` is the largest magnitude among
  /// the values encoded with it (in its block, where there are blocks). Finite for finite `peak`.
  func errorBound(peak: Float) -> Float
}

extension Codec {
  /// Its name in configuration: `int8`.
  public var name: String { kind.rawValue }

  /// Encodes into a new array.
  ///
  /// - Throws: as `encode(_:seed:into:)`.
  public func encode(_ values: Span<Float>, seed: Seed) throws(CodecError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount(for: values.count))
    var view = bytes.mutableSpan
    try encode(values, seed: seed, into: &view)
    return bytes
  }

  /// Decodes `count` values into a new array.
  ///
  /// The length is checked before anything is allocated.
  /// - Throws: as `decode(_:into:)`.
  public func decode(_ bytes: Span<UInt8>, count: Int) throws(CodecError) -> [Float] {
    try requireLength(bytes.count, for: count)
    var values = [Float](repeating: 0, count: count)
    var view = values.mutableSpan
    try decode(bytes, into: &view)
    return values
  }

  /// As `encode(_:seed:)` of a span, for an array.
  public func encode(_ values: [Float], seed: Seed) throws(CodecError) -> [UInt8] {
    try encode(values.span, seed: seed)
  }

  /// As `decode(_:count:)` of a span, for an array.
  public func decode(_ bytes: [UInt8], count: Int) throws(CodecError) -> [Float] {
    try decode(bytes.span, count: count)
  }

  func requireLength(_ found: Int, for count: Int) throws(CodecError) {
    let needed = byteCount(for: count)
    guard found == needed else {
      throw CodecError(
        .wrongLength, "\(found) bytes where \(count) values take \(needed)", at: "codec \(name)",
        remedy: "Sender and receiver must agree on codec and count; compare their configurations.")
    }
  }

  func requireRoom(_ bytes: Int, for count: Int) {
    let needed = byteCount(for: count)
    precondition(bytes == needed, "codec \(name): room for \(bytes) bytes, and it takes \(needed)")
  }

  func notFinite(_ value: Float, at index: Int) -> CodecError {
    CodecError(
      .notFinite, "value \(index) is \(value)", at: "codec \(name)",
      remedy: "Look for the step that diverged; a lower learning rate or clipping often helps.",
      index: index)
  }

  func malformed(_ what: String, at index: Int) -> CodecError {
    CodecError(
      .malformed, what, at: "codec \(name), value \(index)",
      remedy: "The bytes were damaged or made by another version; ask for them again.",
      index: index)
  }
}
