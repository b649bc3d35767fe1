// SPDX-License-Identifier: Apache-2.0

/// A run of elements with one owner, aligned to 64 bytes for wide vectors and for the link.
@safe
public struct Buffer<Element: BitwiseCopyable>: ~Copyable {
  private let base: UnsafeMutablePointer<Element>
  /// How many elements there are; zero is allowed.
  public let count: Int

  /// `count ≥ 0` copies of `value`.
  public init(repeating value: Element, count: Int) {
    precondition(count >= 0, "a buffer cannot have \(count) elements")
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, count) * MemoryLayout<Element>.stride, alignment: 64)
    // SAFETY: fresh memory for `count` elements; nobody else has its address.
    unsafe base = bytes.initializeMemory(as: Element.self, repeating: value, count: count)
    self.count = count
  }

  deinit { unsafe base.deallocate() }

  /// The elements, for as long as the buffer is borrowed.
  public var span: Span<Element> {
    @_lifetime(borrow self)
    borrowing get {
      // SAFETY: `base` holds `count` elements until `deinit`; the lifetime ends before it.
      let elements = unsafe Span(_unsafeStart: base, count: count)
      return unsafe _overrideLifetime(elements, borrowing: self)
    }
  }

  /// The elements, writable; the exclusive borrow keeps every other access out.
  public var mutableSpan: MutableSpan<Element> {
    @_lifetime(&self)
    mutating get {
      // SAFETY: as for `span`.
      let elements = unsafe MutableSpan(_unsafeStart: base, count: count)
      return unsafe _overrideLifetime(elements, mutating: &self)
    }
  }
}

// SAFETY: one owner at a time, and no address leaves the type but by a borrow.
extension Buffer: @unchecked Sendable where Element: Sendable {}
