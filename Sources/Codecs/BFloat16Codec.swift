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
    var stretch = Buffer<BFloat16>(repeating: BFloat16(0), count: min(values.count, stretchMax))
    for start in stride(from: 0, to: values.count, by: stretchMax) {
      let count = min(stretchMax, values.count - start)
      let part = values.extracting(start..<start + count)
      if let bad = Kernels.firstNonFinite(part) { throw notFinite(part[bad], at: start + bad) }
      var view = stretch.mutableSpan
      var narrow = view.part(0..<count)
      Kernels.narrow(part, into: &narrow)
      if let bad = firstNonFinite(narrow.span) {
        throw CodecError(
          .outOfRange, "value \(start + bad) is \(part[bad]), above the greatest bf16 "
            + "\(BFloat16.greatestFinite)",
          at: "codec \(name)", remedy: "Use f32, or look for the step that diverged.",
          index: start + bad)
      }
      var target = bytes.part(2 * start..<2 * (start + count))
      Bytes.copy(narrow.span.elementBytes, into: &target)
    }
  }

  public func decode(
    _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    try check(bytes, count: values.count)
    Bytes.inStretches(of: values.count, from: bytes) { (stretch: Span<BFloat16>, start) in
      var part = values.part(start..<start + stretch.count)
      Kernels.widen(stretch, into: &part)
    }
  }

  public func accumulate(
    _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    try check(bytes, count: values.count)
    var wide = Buffer<Float>(repeating: 0, count: min(values.count, Bytes.stretchMax))
    Bytes.inStretches(of: values.count, from: bytes) { (stretch: Span<BFloat16>, start) in
      var view = wide.mutableSpan
      var widened = view.part(0..<stretch.count)
      Kernels.widen(stretch, into: &widened)
      var part = values.part(start..<start + stretch.count)
      Kernels.accumulate(widened.span, into: &part)
    }
  }

  /// Half a unit of 8 bits: peak · 2⁻⁹, and never under 2⁻¹³⁴, half of bf16's smallest value.
  public func errorBound(peak: Float) -> Float { max(peak * 0x1p-9, 0x1p-134) }

  /// The encoder writes no infinity and no NaN, so neither is taken.
  private func check(_ bytes: Span<UInt8>, count: Int) throws(CodecError) {
    try requireLength(bytes.count, for: count)
    var bad: Int?
    Bytes.inStretches(of: count, from: bytes) { (stretch: Span<BFloat16>, start) in
      if bad == nil, let index = firstNonFinite(stretch) { bad = start + index }
    }
    if let bad { throw malformed("an infinity or NaN, which no encoder writes", at: bad) }
  }

  private func firstNonFinite(_ values: Span<BFloat16>) -> Int? {
    // The largest exponent first, which vectorizes; then, rarely, where.
    var peak: UInt16 = 0
    for i in values.indices { peak = max(peak, values[i].bitPattern & 0x7fff) }
    guard peak >= 0x7f80 else { return nil }
    return values.indices.first { values[$0].bitPattern & 0x7fff >= 0x7f80 }
  }

  private var stretchMax: Int { Bytes.stretchMax }
}
