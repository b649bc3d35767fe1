// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

/// The floats themselves, little-endian: no error, and infinities and NaN pass.
public struct Float32Codec: Codec {
  public init() {}

  public var kind: CodecKind { .float32 }

  /// Four bytes a value.
  public func byteCount(for count: Int) -> Int { count * 4 }

  public func encode(
    _ values: Span<Float>, seed: Seed, into bytes: inout MutableSpan<UInt8>
  ) throws(CodecError) {
    requireRoom(bytes.count, for: values.count)
    Bytes.copy(values.elementBytes, into: &bytes)
  }

  public func decode(
    _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    try requireLength(bytes.count, for: values.count)
    Bytes.copy(bytes.elementBytes, into: &values)
  }

  public func accumulate(
    _ bytes: Span<UInt8>, into values: inout MutableSpan<Float>
  ) throws(CodecError) {
    try requireLength(bytes.count, for: values.count)
    Kernels.accumulate(bytes: bytes.elementBytes, into: &values)
  }

  /// Zero.
  public func errorBound(peak: Float) -> Float { 0 }
}
