// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// Blocks of int8 codes, each block with its own step: 1 byte a value and 4 a block.
///
/// A block's step is its largest magnitude over 127 (`Int8Blocks` has the layout and the rules for
/// very small and very large values). A block of zeros decodes to zeros exactly.
public struct Int8Codec: Codec {
  /// How a value between two codes chooses one of them.
  public enum Rounding: Hashable, Sendable {
    /// The nearer one; half a step of error, the same way every time.
    case nearest
    /// By chance, so that the mean over seeds is the value; up to one step of error.
    case stochastic
  }

  /// Values a block where nothing else is said.
  public static let blockDefault = 256

  private let blocks: Int8Blocks
  /// How it rounds.
  public let rounding: Rounding

  /// Blocks of `block` values, 1 to `Int8Blocks.blockMax`.
  public init(block: Int = blockDefault, rounding: Rounding = .nearest) {
    blocks = Int8Blocks(block: block)
    self.rounding = rounding
  }

  /// Values a block.
  public var block: Int { blocks.block }

  public var kind: CodecKind { rounding == .nearest ? .int8 : .int8Stochastic }

  public func byteCount(for count: Int) -> Int { blocks.byteCount(for: count) }

  public func encode(
    _ values: Span<Float>, seed: Seed, into bytes: inout MutableSpan<UInt8>
  ) throws(CodecError) {
    requireRoom(bytes.count, for: values.count)
    let rounding: Int8Blocks.Rounding =
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

  /// Half a step (nearest) or one (stochastic), and 2⁻¹⁵ of a step for the rounding of the floats
  /// themselves; a block of tiny values is zeros, which errs by `peak`, under 1.3e-28.
  ///
  /// Above `127 · Int8Blocks.stepMax` (3.4028233e38) the largest values lose up to 2⁻²³ more.
  public func errorBound(peak: Float) -> Float {
    let step = Int8Blocks.step(peak: peak)
    if step == 0 { return peak }
    let part: Float = rounding == .nearest ? 0.5 : 1
    return step * (part + 0x1p-15)
  }

  private func check(_ bytes: Span<UInt8>, count: Int) throws(CodecError) {
    try requireLength(bytes.count, for: count)
    if let bad = blocks.firstUnsound(in: bytes, count: count) {
      throw malformed("a block with a step or code that no encoder writes", at: bad)
    }
  }
}
