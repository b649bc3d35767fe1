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

  /// The same into the bytes of as many elements, in any alignment.
  public static func fold<Element: FoldableElement>(
    _ fold: Fold, _ source: Span<Element>, intoBytes target: inout MutableSpan<UInt8>
  ) {
    requireEqual(target.count, MemoryLayout<Element>.stride * source.count)
    KernelCalls.fold(
      Int32(Element.elementType.number), fold.code, source.elementBytes, bytes: &target,
      count: source.count)
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
