// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Loops over floats that every replica must compute alike: the same bits on every machine.
///
/// Goals, in order: the same bits everywhere, then speed. So a product is rounded before it is
/// added (no fused multiply-add), and nothing is summed in another order than written. Each loop
/// has a plain form in Swift beside it, which is what it means.
public enum Kernels {
  /// `target[i] += source[i]`, with the one quiet NaN (see `Fold`). Both have the same count; O(n),
  /// no allocation.
  public static func accumulate(_ source: Span<Float>, into target: inout MutableSpan<Float>) {
    accumulate(source, into: &target, build: .best)
  }

  package static func accumulate(
    _ source: Span<Float>, into target: inout MutableSpan<Float>, build: KernelBuild
  ) {
    accumulate(bytes: source.elementBytes, into: &target, build: build)
  }

  /// Adds floats that lie in `bytes`, little-endian and in any alignment: what came over a link is
  /// added in place. Exactly four bytes for every element.
  public static func accumulate(bytes: RawSpan, into target: inout MutableSpan<Float>) {
    accumulate(bytes: bytes, into: &target, build: .best)
  }

  package static func accumulate(
    bytes: RawSpan, into target: inout MutableSpan<Float>, build: KernelBuild
  ) {
    fold(.sum, bytes: bytes, into: &target, build: build)
  }

  /// `target[i] += scale · source[i]`, the product rounded before the sum.
  ///
  /// Both have the same count; O(n), no allocation.
  public static func accumulate(
    _ source: Span<Float>, scaledBy scale: Float, into target: inout MutableSpan<Float>
  ) {
    accumulate(source, scaledBy: scale, into: &target, build: .best)
  }

  package static func accumulate(
    _ source: Span<Float>, scaledBy scale: Float, into target: inout MutableSpan<Float>,
    build: KernelBuild
  ) {
    requireEqual(source.count, target.count)
    switch build {
    case .best: KernelCalls.axpy(scale, source, &target, generic: false)
    case .generic: KernelCalls.axpy(scale, source, &target, generic: true)
    case .plain: for i in target.indices { target[i] += scale * source[i] }
    }
  }

  /// `target[i] *= scale`.
  public static func scale(_ target: inout MutableSpan<Float>, by scale: Float) {
    self.scale(&target, by: scale, build: .best)
  }

  package static func scale(
    _ target: inout MutableSpan<Float>, by scale: Float, build: KernelBuild
  ) {
    switch build {
    case .best: KernelCalls.scale(&target, by: scale, generic: false)
    case .generic: KernelCalls.scale(&target, by: scale, generic: true)
    case .plain: for i in target.indices { target[i] *= scale }
    }
  }

  /// The index of the first infinity or NaN; nil when all are finite.
  public static func firstNonFinite(_ values: Span<Float>) -> Int? {
    firstNonFinite(values, build: .best)
  }

  package static func firstNonFinite(_ values: Span<Float>, build: KernelBuild) -> Int? {
    let index: Int
    switch build {
    case .best: index = KernelCalls.firstNonFinite(values, generic: false)
    case .generic: index = KernelCalls.firstNonFinite(values, generic: true)
    case .plain: index = values.indices.first { !values[$0].isFinite } ?? values.count
    }
    return index == values.count ? nil : index
  }

  static func requireEqual(_ source: Int, _ target: Int) {
    precondition(source == target, "\(source) elements into \(target)")
  }
}
