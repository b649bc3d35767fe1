// SPDX-License-Identifier: Apache-2.0

/// A run of elements with one owner, aligned to 64 bytes for wide vectors and for the link.
@safe
public struct Buffer<Element: BitwiseCopyable>: ~Copyable {
  private let base: UnsafeMutablePointer<Element>
  /// How many elements there are; zero is allowed.
  public let count: Int

  /// `count ≥ 0` copies of `value`.
  public init(repeating value: Element, count: Int) {
    unsafe base = Self.allocate(count)
    // SAFETY: fresh memory for `count` elements; nobody else has its address.
    unsafe base.initialize(repeating: value, count: count)
    self.count = count
  }

  /// A copy of `elements`.
  public init(copying elements: Span<Element>) {
    let fresh = unsafe Self.allocate(elements.count)
    unsafe elements.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      // SAFETY: `fresh` has room for as many elements as `source` holds, and is not part of it.
      unsafe fresh.initialize(from: start, count: source.count)
    }
    unsafe base = fresh
    count = elements.count
  }

  deinit { unsafe base.deallocate() }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Element> {
    precondition(count >= 0, "a buffer cannot have \(count) elements")
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, count) * MemoryLayout<Element>.stride, alignment: 64)
    // SAFETY: memory just allocated for `count` elements; the caller initializes all of them.
    return unsafe bytes.bindMemory(to: Element.self, capacity: max(1, count))
  }

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

  /// The elements' bytes, in the machine's (little-endian) order.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    borrowing get {
      // SAFETY: as for `span`; elements are plain bits.
      let raw = unsafe RawSpan(
        _unsafeStart: UnsafeRawPointer(base), byteCount: count * MemoryLayout<Element>.stride)
      return unsafe _overrideLifetime(raw, borrowing: self)
    }
  }

  /// Copies the elements into an array.
  public func array() -> [Element] {
    // SAFETY: `base` holds `count` elements for the length of the call.
    unsafe Array(UnsafeBufferPointer(start: base, count: count))
  }
}

// SAFETY: one owner at a time, and no address leaves the type but by a borrow.
extension Buffer: @unchecked Sendable where Element: Sendable {}
