// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Floats as int8 codes in blocks, each block after its step.
///
/// A block is its step (f32, little-endian) and then one code, -127 to 127, for each element; the
/// last block may be short. A value is code × step, and the step is the block's largest magnitude
/// over 127. Blocks with nothing above `peakMin` are zeros; steps end at `stepMax`.
public struct Int8Blocks: Hashable, Sendable {
  /// How a value between two codes chooses one of them.
  public typealias Rounding = BlockRounding

  /// The most elements a block can have.
  public static let blockMax = 65_536
  /// Blocks whose largest magnitude is below this are stored as zeros: 127 · 2⁻¹⁰⁰, about 1e-28.
  ///
  /// Below, machines that flush subnormals and machines that do not would write different bytes.
  public static let peakMin: Float = 127 * 0x1p-100
  /// The largest step: 127 of them are finite.
  public static let stepMax = Float(bitPattern: 0x7c01_0203)
  /// The smallest step but 0.
  public static let stepMin: Float = 0x1p-100

  /// Elements a block.
  public let block: Int

  /// Blocks of `block` elements, 1 to `blockMax`.
  public init(block: Int) {
    precondition(
      block >= 1 && block <= Self.blockMax, "a block of \(block) elements, not 1–\(Self.blockMax)")
    self.block = block
  }

  /// Bytes that `count` elements take: 1 each, and 4 a block.
  public func byteCount(for count: Int) -> Int { count + (count + block - 1) / block * 4 }

  /// The step of a block whose largest magnitude is `peak`, a finite number.
  public static func step(peak: Float) -> Float {
    peak < peakMin ? 0 : min(peak / 127, stepMax)
  }

  /// Encodes `values` into exactly `byteCount(for:)` bytes.
  ///
  /// - Returns: nil, or the index of the first infinity or NaN; then `codes` is of no use.
  public func encode(
    _ values: Span<Float>, rounding: Rounding, into codes: inout MutableSpan<UInt8>
  ) -> Int? {
    encode(values, rounding: rounding, into: &codes, build: .best)
  }

  package func encode(
    _ values: Span<Float>, rounding: Rounding, into codes: inout MutableSpan<UInt8>,
    build: KernelBuild
  ) -> Int? {
    requireRoom(codes.count, for: values.count)
    if build == .plain { return encodePlainly(values, rounding, &codes) }
    let end = KernelCalls.int8Encode(
      values, block: block, seed: rounding.seed, into: &codes, generic: build == .generic)
    return end == values.count ? nil : end
  }

  /// The index of the first element whose block no encoder writes (a step out of range, or the code
  /// -128); nil when all are sound. Bytes from elsewhere go through this before decoding.
  public func firstUnsound(in codes: Span<UInt8>, count: Int) -> Int? {
    firstUnsound(in: codes, count: count, build: .best)
  }

  package func firstUnsound(in codes: Span<UInt8>, count: Int, build: KernelBuild) -> Int? {
    requireRoom(codes.count, for: count)
    if build == .plain { return firstUnsoundPlainly(codes, count) }
    let end = KernelCalls.int8Check(codes, count: count, block: block, generic: build == .generic)
    return end == count ? nil : end
  }

  /// Decodes exactly `byteCount(for: values.count)` bytes that `firstUnsound` has passed.
  public func decode(_ codes: Span<UInt8>, into values: inout MutableSpan<Float>) {
    decode(codes, into: &values, build: .best)
  }

  package func decode(
    _ codes: Span<UInt8>, into values: inout MutableSpan<Float>, build: KernelBuild
  ) {
    requireRoom(codes.count, for: values.count)
    // SAFETY: `KernelCalls` checks the counts; the pointers live through the call.
    switch build {
    case .best:
      unsafe KernelCalls.decodeBlocks(ferry_int8_decode, codes, block: block, into: &values)
    case .generic:
      unsafe KernelCalls.decodeBlocks(ferry_int8_decode_generic, codes, block: block, into: &values)
    case .plain: decodePlainly(codes, count: values.count) { values[$0] = $1 }
    }
  }

  /// Adds what the bytes decode to, with the same bits as decoding first and adding then.
  public func accumulate(_ codes: Span<UInt8>, into values: inout MutableSpan<Float>) {
    accumulate(codes, into: &values, build: .best)
  }

  package func accumulate(
    _ codes: Span<UInt8>, into values: inout MutableSpan<Float>, build: KernelBuild
  ) {
    requireRoom(codes.count, for: values.count)
    switch build {
    case .best:
      unsafe KernelCalls.decodeBlocks(
        ferry_int8_decode_accumulate, codes, block: block, into: &values)
    case .generic:
      unsafe KernelCalls.decodeBlocks(
        ferry_int8_decode_accumulate_generic, codes, block: block, into: &values)
    case .plain: decodePlainly(codes, count: values.count) { values[$0] += $1 }
    }
  }

  private func requireRoom(_ bytes: Int, for count: Int) {
    precondition(
      bytes == byteCount(for: count), "\(bytes) bytes for \(byteCount(for: count)) (int8 blocks)")
  }
}
