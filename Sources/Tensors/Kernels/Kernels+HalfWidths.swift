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
    if build == .plain {
      for i in target.indices { target[i] = BFloat16(source[i]) }
      return
    }
    target.withBitPatterns { bits in
      switch build {
      case .generic: unsafe KernelCalls.run(ferry_f32_to_bf16_generic, source, &bits)
      default: unsafe KernelCalls.run(ferry_f32_to_bf16, source, &bits)
      }
    }
  }

  /// Widens bfloat16 to floats; exact.
  public static func widen(_ source: Span<BFloat16>, into target: inout MutableSpan<Float>) {
    widen(source, into: &target, build: .best)
  }

  package static func widen(
    _ source: Span<BFloat16>, into target: inout MutableSpan<Float>, build: KernelBuild
  ) {
    requireEqual(source.count, target.count)
    switch build {
    case .best: unsafe KernelCalls.run(ferry_bf16_to_f32, source.bitPatterns, &target)
    case .generic: unsafe KernelCalls.run(ferry_bf16_to_f32_generic, source.bitPatterns, &target)
    case .plain: for i in target.indices { target[i] = source[i].float }
    }
  }

  /// Rounds floats to binary16, to nearest, ties to even; `Half.init(_:)` element by element.
  public static func narrow(_ source: Span<Float>, into target: inout MutableSpan<Half>) {
    narrow(source, into: &target, build: .best)
  }

  package static func narrow(
    _ source: Span<Float>, into target: inout MutableSpan<Half>, build: KernelBuild
  ) {
    requireEqual(source.count, target.count)
    if build == .plain {
      for i in target.indices { target[i] = Half(source[i]) }
      return
    }
    target.withBitPatterns { bits in
      switch build {
      case .generic: unsafe KernelCalls.run(ferry_f32_to_f16_generic, source, &bits)
      default: unsafe KernelCalls.run(ferry_f32_to_f16, source, &bits)
      }
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
    switch build {
    case .best: unsafe KernelCalls.run(ferry_f16_to_f32, source.bitPatterns, &target)
    case .generic: unsafe KernelCalls.run(ferry_f16_to_f32_generic, source.bitPatterns, &target)
    case .plain: for i in target.indices { target[i] = source[i].float }
    }
  }
}
