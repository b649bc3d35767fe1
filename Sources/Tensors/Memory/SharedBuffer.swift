// SPDX-License-Identifier: Apache-2.0

import CKernels
import Foundation

/// Memory that several threads write at once, each in ranges of its own; zeros at first.
///
/// Copies share the elements. What one thread writes, others may read after the loop over parts
/// that wrote it has ended (`Threads.forEach`), not before.
@safe
package struct SharedBuffer<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
  // SAFETY: the address stays inside; ranges are checked, and callers give each thread its own.
  @safe
  private final class Memory: @unchecked Sendable {
    let base: UnsafeMutablePointer<Element>

    init(count: Int) {
      let byteCount = max(1, count) * MemoryLayout<Element>.stride
      guard let raw = unsafe calloc(max(1, count), MemoryLayout<Element>.stride) else {
        fatalError("no memory for \(byteCount) bytes")
      }
      if byteCount >= 1 << 21 { unsafe ferry_ask_large_pages(raw, byteCount) }
      // SAFETY: fresh zeros for `count` elements; all bits are an element.
      unsafe base = raw.bindMemory(to: Element.self, capacity: max(1, count))
    }

    deinit { unsafe free(base) }
  }

  private let memory: Memory
  /// `memory`'s own address: a getter of the span through the class crashes the 6.3.1 compiler.
  private let base: UnsafeMutablePointer<Element>
  /// How many elements there are; zero is allowed.
  package let count: Int

  /// `count ≥ 0` zeros; pages are taken from the system when they are first written.
  package init(count: Int) {
    precondition(count >= 0, "a buffer cannot have \(count) elements")
    memory = Memory(count: count)
    unsafe base = memory.base
    self.count = count
  }

  /// A copy of elements.
  package init(_ elements: [Element]) {
    self.init(count: elements.count)
    var target = part(0..<count)
    for i in elements.indices { target[i] = elements[i] }
  }

  /// The elements.
  package var span: Span<Element> {
    @_lifetime(borrow self)
    borrowing get {
      // SAFETY: `memory` lives as long as `self`.
      let elements = unsafe Span(_unsafeStart: base, count: count)
      return unsafe _overrideLifetime(elements, borrowing: self)
    }
  }

  /// A range of the elements, writable: no other thread may touch it meanwhile.
  @_lifetime(borrow self)
  package func part(_ range: Range<Int>) -> MutableSpan<Element> {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) of \(count)")
    // SAFETY: as for `span`; the range was checked.
    let elements = unsafe MutableSpan(
      _unsafeStart: base + range.lowerBound, count: range.count)
    return unsafe _overrideLifetime(elements, borrowing: self)
  }

  /// One element. Writing: no other thread may touch it meanwhile.
  package subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "\(index) of \(count)")
      // SAFETY: as for `part`.
      return unsafe base[index]
    }
    nonmutating set {
      precondition(index >= 0 && index < count, "\(index) of \(count)")
      unsafe base[index] = newValue
    }
  }

  /// Copies the elements into an array.
  package func array() -> [Element] {
    // SAFETY: as for `span`.
    unsafe Array(UnsafeBufferPointer(start: base, count: count))
  }
}
