// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Moves between values and bytes, all of them checked for size. Little-endian, as the machine.
public enum Bytes {
  /// Copies all of `source` to the start of `target`, which must have room.
  public static func copy(_ source: RawSpan, into target: inout MutableSpan<UInt8>) {
    precondition(
      source.byteCount <= target.count, "\(source.byteCount) bytes into \(target.count)")
    unsafe source.withUnsafeBytes { from in
      unsafe target.withUnsafeMutableBytes { to in
        // SAFETY: `to` has room for `from` (checked above); a mutable span overlaps no other.
        unsafe to.copyMemory(from: from)
      }
    }
  }

  /// Fills `target` with values that lie, in any alignment, in exactly as many bytes of `source`.
  public static func copy<Element: TensorElement>(
    _ source: RawSpan, into target: inout MutableSpan<Element>
  ) {
    let needed = target.count * MemoryLayout<Element>.stride
    precondition(source.byteCount == needed, "\(source.byteCount) bytes into \(needed)")
    unsafe source.withUnsafeBytes { from in
      unsafe target.withUnsafeMutableBytes { to in
        // SAFETY: as above; every bit pattern is a value of a `TensorElement`.
        unsafe to.copyMemory(from: from)
      }
    }
  }

  /// Copies all of `source` into the target's bytes from `start` on, which must have room.
  static func copy<Element: TensorElement>(
    _ source: RawSpan, into target: inout MutableSpan<Element>, at start: Int
  ) {
    let room = target.count * MemoryLayout<Element>.stride - start
    precondition(start >= 0 && source.byteCount <= room, "\(source.byteCount) bytes into \(room)")
    unsafe source.withUnsafeBytes { from in
      unsafe target.withUnsafeMutableBytes { to in
        guard let base = from.baseAddress else { return }
        // SAFETY: `to` has room for `from` after `start` (checked above).
        unsafe (to.baseAddress! + start).copyMemory(from: base, byteCount: from.count)
      }
    }
  }

  /// So many bytes, which `fill` writes, each of them.
  public static func filled<Failure: Error>(
    _ count: Int, by fill: (inout MutableSpan<UInt8>) throws(Failure) -> Void
  ) throws(Failure) -> [UInt8] {
    var outcome: Result<Void, Failure> = .success(())
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      // SAFETY: every bit pattern is a byte; `fill` writes all of them before anybody reads one.
      var span = unsafe MutableSpan(_unsafeElements: target.extracting(0..<count))
      do throws(Failure) {
        try fill(&span)
      } catch {
        outcome = .failure(error)
      }
      initialized = count
    }
    try outcome.get()
    return bytes
  }

  /// So many elements of whatever value, in large pages where they are many: each is to be written
  /// before it is read.
  public static func unset<Element: TensorElement>(
    _ count: Int, of _: Element.Type = Element.self
  ) -> [Element] {
    let byteCount = count * MemoryLayout<Element>.stride
    return unsafe [Element](unsafeUninitializedCapacity: count) { target, initialized in
      if byteCount >= largePagesMin {
        unsafe ferry_ask_large_pages(target.baseAddress, byteCount)
      }
      // SAFETY: `target` has room for `count`; every bit pattern is a value of a `TensorElement`.
      initialized = count
    }
  }

  /// Shorter memory comes from what was freed before, mostly.
  private static var largePagesMin: Int { 4 << 20 }

  /// The bytes as an array.
  public static func array(_ source: RawSpan) -> [UInt8] {
    // SAFETY: the array copies while the borrow lasts.
    unsafe source.withUnsafeBytes { bytes in unsafe Array(bytes) }
  }

  /// The values that lie in these bytes, in any alignment; a part of an element at the end is a
  /// bug and stops.
  public static func values<Element: TensorElement>(
    of type: Element.Type = Element.self, in source: RawSpan
  ) -> [Element] {
    let width = MemoryLayout<Element>.stride
    precondition(source.byteCount % width == 0, "\(source.byteCount) bytes of \(width) each")
    let count = source.byteCount / width
    return unsafe [Element](unsafeUninitializedCapacity: count) { target, initialized in
      unsafe source.withUnsafeBytes { from in
        // SAFETY: `target` has room for `count` elements, which take `from.count` bytes.
        unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: from)
      }
      initialized = count
    }
  }
}

extension Span where Element: TensorElement {
  /// The elements' bytes, little-endian: what `bytes` gives, and safe as elements have no padding.
  public var elementBytes: RawSpan {
    @_lifetime(copy self)
    get {
      // SAFETY: a `TensorElement` is all value bits; every byte is initialized.
      let raw = unsafe bytes
      return unsafe _overrideLifetime(raw, copying: self)
    }
  }
}
