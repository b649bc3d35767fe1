// SPDX-License-Identifier: Apache-2.0

import CKernels

extension Kernels {
  /// Rounds floats to bfloat16, to nearest, ties to even; `BFloat16.init(_:)` element by element.
  public static func narrow(_ source: Span<Float>, into target: inout MutableSpan<BFloat16>) {
    narrow(source, into: &target, build: .best)
  }

  package static func narrow(
    _ source: Span<Float>, into target: inout MutableSpan<BFloat16>, build: KernelBuild
  ) {
    requireEqual(source.count, target.count)
    let (bytes, count) = (source.elementBytes, source.count)
    // SAFETY: `KernelCalls` checks the counts; the pointers live through the call.
    switch build {
    case .best: unsafe KernelCalls.run(ferry_f32_to_bf16, bytes, &target, count: count)
    case .generic: unsafe KernelCalls.run(ferry_f32_to_bf16_generic, bytes, &target, count: count)
    case .plain: for i in target.indices { target[i] = BFloat16(source[i]) }
    }
  }

  /// Rounds floats to bfloat16 bytes, little-endian, in any alignment: two for every float.
  public static func narrow(
    _ source: Span<Float>, intoBFloat16Bytes target: inout MutableSpan<UInt8>
  ) {
    requireEqual(2 * source.count, target.count)
    unsafe KernelCalls.run(
      ferry_f32_to_bf16, source.elementBytes, &target, count: source.count)
  }

  /// Widens bfloat16 to floats; exact.
  public static func widen(_ source: Span<BFloat16>, into target: inout MutableSpan<Float>) {
    widen(source, into: &target, build: .best)
  }

  package static func widen(
    _ source: Span<BFloat16>, into target: inout MutableSpan<Float>, build: KernelBuild
  ) {
    requireEqual(source.count, target.count)
    let (bytes, count) = (source.elementBytes, source.count)
    switch build {
    case .best: unsafe KernelCalls.run(ferry_bf16_to_f32, bytes, &target, count: count)
    case .generic: unsafe KernelCalls.run(ferry_bf16_to_f32_generic, bytes, &target, count: count)
    case .plain: for i in target.indices { target[i] = source[i].float }
    }
  }

  /// Widens bfloat16 bytes, little-endian, in any alignment: two for every float.
  public static func widen(
    bfloat16 bytes: RawSpan, into target: inout MutableSpan<Float>
  ) {
    requireEqual(bytes.byteCount, 2 * target.count)
    unsafe KernelCalls.run(ferry_bf16_to_f32, bytes, &target, count: bytes.byteCount / 2)
  }

  /// Adds bfloat16 bytes, little-endian, in any alignment: the bits of widening first.
  public static func accumulate(
    bfloat16 bytes: RawSpan, into target: inout MutableSpan<Float>
  ) {
    accumulate(bfloat16: bytes, into: &target, build: .best)
  }

  package static func accumulate(
    bfloat16 bytes: RawSpan, into target: inout MutableSpan<Float>, build: KernelBuild
  ) {
    requireEqual(bytes.byteCount, 2 * target.count)
    let count = target.count
    switch build {
    case .best: unsafe KernelCalls.run(ferry_accumulate_bf16, bytes, &target, count: count)
    case .generic:
      unsafe KernelCalls.run(ferry_accumulate_bf16_generic, bytes, &target, count: count)
    case .plain:
      let values: [BFloat16] = Bytes.values(in: bytes)
      for i in target.indices { target[i] += values[i].float }
    }
  }

  /// The index of the first infinity or NaN among bfloat16 bytes, in any alignment; nil when all
  /// are finite.
  public static func firstNonFinite(bfloat16 bytes: RawSpan) -> Int? {
    firstNonFinite(bfloat16: bytes, build: .best)
  }

  package static func firstNonFinite(bfloat16 bytes: RawSpan, build: KernelBuild) -> Int? {
    precondition(bytes.byteCount % 2 == 0, "\(bytes.byteCount) bytes of bfloat16")
    let index: Int
    switch build {
    case .best: index = KernelCalls.firstNonFinite(bfloat16: bytes, generic: false)
    case .generic: index = KernelCalls.firstNonFinite(bfloat16: bytes, generic: true)
    case .plain:
      let values: [BFloat16] = Bytes.values(in: bytes)
      return values.firstIndex { !$0.float.isFinite }
    }
    return index == bytes.byteCount / 2 ? nil : index
  }

  /// Rounds floats to binary16, to nearest, ties to even; `Half.init(_:)` element by element.
  public static func narrow(_ source: Span<Float>, into target: inout MutableSpan<Half>) {
    narrow(source, into: &target, build: .best)
  }

  package static func narrow(
    _ source: Span<Float>, into target: inout MutableSpan<Half>, build: KernelBuild
  ) {
    requireEqual(source.count, target.count)
    let (bytes, count) = (source.elementBytes, source.count)
    switch build {
    case .best: unsafe KernelCalls.run(ferry_f32_to_f16, bytes, &target, count: count)
    case .generic: unsafe KernelCalls.run(ferry_f32_to_f16_generic, bytes, &target, count: count)
    case .plain: for i in target.indices { target[i] = Half(source[i]) }
    }
  }

  /// Widens binary16 to floats; exact.
  public static func widen(_ source: Span<Half>, into target: inout MutableSpan<Float>) {
    widen(source, into: &target, build: .best)
  }

  package static func widen(
    _ source: Span<Half>, into target: inout MutableSpan<Float>, build: KernelBuild
  ) {
    requireEqual(source.count, target.count)
    let (bytes, count) = (source.elementBytes, source.count)
    switch build {
    case .best: unsafe KernelCalls.run(ferry_f16_to_f32, bytes, &target, count: count)
    case .generic: unsafe KernelCalls.run(ferry_f16_to_f32_generic, bytes, &target, count: count)
    case .plain: for i in target.indices { target[i] = source[i].float }
    }
  }
}
