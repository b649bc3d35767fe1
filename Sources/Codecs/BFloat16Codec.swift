// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// Each float's upper half, rounded to nearest, ties to even.
public struct BFloat16Codec: Codec {
  public init() {}

  public var kind: CodecKind { .bfloat16 }

  /// Two bytes a value.
  public func byteCount(for count: Int) -> Int { count * 2 }

  public func encode(
    _ values: Span<Float>, seed: Seed, into bytes: inout MutableSpan<UInt8>
  ) throws(CodecError) {
    requireRoom(bytes.count, for: values.count)
    Kernels.narrow(values, intoBFloat16Bytes: &bytes)
    // Looked for in the result, which is half as long, and finds both kinds of bad values.
    guard let bad = Kernels.firstNonFinite(bfloat16: bytes.span.elementBytes) else { return }
    guard values[bad].isFinite else { throw notFinite(values[bad], at: bad) }
    throw CodecError(
      .outOfRange,
      "value \(bad) is \(values[bad]), above the greatest bf16 \(BFloat16.greatestFinite)",
      at: "codec \(name)", remedy: "Use f32, or look for the step that diverged.", index: bad)
  }

  public func decode(
    _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    try check(bytes, count: values.count)
    Kernels.widen(bfloat16: bytes.elementBytes, into: &values)
  }

  public func accumulate(
    _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    try check(bytes, count: values.count)
    Kernels.accumulate(bfloat16: bytes.elementBytes, into: &values)
  }

  /// Half a unit in the last of 8 bits: peak · 2⁻⁸, and never under 2⁻¹³⁴,
  /// half of bf16's smallest value.
  public func errorBound(peak: Float) -> Float { max(peak * 0x1p-8, 0x1p-134) }

  /// The encoder writes no infinity and no NaN, so neither is taken.
  private func check(_ bytes: Span<UInt8>, count: Int) throws(CodecError) {
    try requireLength(bytes.count, for: count)
    if let bad = Kernels.firstNonFinite(bfloat16: bytes.elementBytes) {
      throw malformed("an infinity or NaN, which no encoder writes", at: bad)
    }
  }
}
