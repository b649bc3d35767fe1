// SPDX-License-Identifier: Apache-2.0

import CKernels

extension Kernels {
  /// Folds elements that lie in `bytes`, little-endian and in any alignment, into a target of as
  /// many: `target[i] = fold(target[i], source[i])`.
  public static func fold<Element: FoldableElement>(
    _ fold: Fold, bytes: RawSpan, into target: inout MutableSpan<Element>
  ) {
    self.fold(fold, bytes: bytes, into: &target, build: .best)
  }

  /// The fold of two elsewhere: `target[i] = fold(first[i], second[i])`, `second` in any alignment.
  public static func fold<Element: FoldableElement>(
    _ fold: Fold, _ first: Span<Element>, bytes second: RawSpan,
    into target: inout MutableSpan<Element>
  ) {
    requireEqual(first.count, target.count)
    requireEqual(second.byteCount, MemoryLayout<Element>.stride * target.count)
    KernelCalls.fold(
      Int32(Element.elementType.number), fold.code, first.elementBytes, second, into: &target,
      count: target.count)
  }

  /// The same into the bytes of as many elements, in any alignment.
  public static func fold<Element: FoldableElement>(
    _ fold: Fold, _ first: Span<Element>, bytes second: RawSpan,
    intoBytes target: inout MutableSpan<UInt8>
  ) {
    requireEqual(target.count, MemoryLayout<Element>.stride * first.count)
    requireEqual(second.byteCount, target.count)
    KernelCalls.fold(
      Int32(Element.elementType.number), fold.code, first.elementBytes, second, into: &target,
      count: first.count)
  }

  package static func fold<Element: FoldableElement>(
    _ fold: Fold, bytes: RawSpan, into target: inout MutableSpan<Element>, build: KernelBuild
  ) {
    requireEqual(bytes.byteCount, MemoryLayout<Element>.stride * target.count)
    switch build {
    case .best, .generic:
      KernelCalls.fold(
        Int32(Element.elementType.number), fold.code, bytes, &target, generic: build == .generic)
    case .plain:
      let values: [Element] = Bytes.values(in: bytes)
      for i in target.indices { target[i] = Element.fold(fold, target[i], values[i]) }
    }
  }
}
