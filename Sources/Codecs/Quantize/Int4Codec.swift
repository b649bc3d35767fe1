// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// Blocks of int4 codes, two a byte, each block with its own step: half a byte a value and 4 a
/// block.
///
/// A block's step is its largest magnitude over 7 (`Int4Blocks` has the layout and the rules for
/// very small values). A block of zeros decodes to zeros exactly. Seven codes a side are few: the
/// blocks are smaller than those of int8, so that one giant spoils fewer dwarfs.
public struct Int4Codec: Codec {
  /// How a value between two codes chooses one of them.
  public typealias Rounding = Int8Codec.Rounding

  /// Values a block where nothing else is said: 4.5 bits a value.
  public static let blockDefault = 64

  private let blocks: Int4Blocks
  /// How it rounds.
  public let rounding: Rounding

  /// Blocks of `block` values, 1 to `Int4Blocks.blockMax`.
  public init(block: Int = blockDefault, rounding: Rounding = .nearest) {
    blocks = Int4Blocks(block: block)
    self.rounding = rounding
  }

  /// Values a block.
  public var block: Int { blocks.block }

  public var kind: CodecKind { rounding == .nearest ? .int4 : .int4Stochastic }

  public func byteCount(for count: Int) -> Int { blocks.byteCount(for: count) }

  public func encode(
    _ values: Span<Float>, seed: Seed, into bytes: inout MutableSpan<UInt8>
  ) throws(CodecError) {
    requireRoom(bytes.count, for: values.count)
    let rounding: Int4Blocks.Rounding =
      rounding == .nearest ? .nearest : .stochastic(seed: seed.value)
    if let bad = blocks.encode(values, rounding: rounding, into: &bytes) {
      throw notFinite(values[bad], at: bad)
    }
  }

  public func decode(
    _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    try check(bytes, count: values.count)
    blocks.decode(bytes, into: &values)
  }

  public func accumulate(
    _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    try check(bytes, count: values.count)
    blocks.accumulate(bytes, into: &values)
  }

  /// Half a step (nearest) or one (stochastic), and 2⁻¹⁸ of a step for the rounding of the floats
  /// themselves: 1/14 or 1/7 of `peak`. A block of tiny values is zeros, which errs by `peak`,
  /// under 5.6e-30.
  public func errorBound(peak: Float) -> Float {
    let step = Int4Blocks.step(peak: peak)
    if step == 0 { return peak }
    let part: Float = rounding == .nearest ? 0.5 : 1
    return step * (part + 0x1p-18)
  }

  private func check(_ bytes: Span<UInt8>, count: Int) throws(CodecError) {
    try requireLength(bytes.count, for: count)
    if let bad = blocks.firstUnsound(in: bytes, count: count) {
      throw malformed("a block with a step or code that no encoder writes", at: bad)
    }
  }
}
