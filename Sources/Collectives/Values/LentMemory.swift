// SPDX-License-Identifier: Apache-2.0

import CKernels
package import FerryTensors
import Foundation

/// Memory that a caller lends to a call: what the call gives lies there, and the result takes its
/// place, piece by piece, while the network works and a core's cache holds the piece anyway.
///
/// What was there is kept, as the operation may begin anew with fewer members, and a call that fails
/// gives the memory back as it was. That costs one copy; one of the whole before the first byte is
/// sent, and one of the result after the last has come, would cost two, while the links rest.
@safe
package final class LentMemory: @unchecked Sendable {
  // SAFETY: all that changes is reached by one thread at a time, between `enter` and `leave`. `memory`
  // is not touched after `giveBack`, nor once a call has its result: then no machine is left that has
  // this object. `kept` and `own` have `byteCount` bytes and are freed with it.
  private let lock = NSLock()
  private let memory: UnsafeMutableRawPointer
  private let kept: UnsafeMutableRawPointer
  /// What lies there, and how many.
  let elementType: ElementType
  let count: Int
  private let byteCount: Int
  /// Where results go once the memory was given back, as the others go on.
  private var own: UnsafeMutableRawPointer?
  /// By block: what was there has been kept; and has been written over.
  private var isKept: [Bool]
  private var isWritten: [Bool]

  /// Kept as a whole.
  private static let blockByteCount = 64 << 10
  private static let alignment = 64

  /// - Parameters:
  ///   - memory: of `count` elements, aligned for them, and nobody else's until the call has its
  ///     result, or has failed.
  ///   - type: any but flags, whose bytes would have to be looked at before.
  package init(_ memory: UnsafeMutableRawPointer, count: Int, of type: ElementType) {
    precondition(count >= 0 && type != .bool, "\(count) elements of \(type) are lent")
    unsafe self.memory = memory
    (elementType, self.count) = (type, count)
    byteCount = count * type.byteWidth
    unsafe kept = Self.room(byteCount)
    let blocks = (byteCount + Self.blockByteCount - 1) / Self.blockByteCount
    isKept = Array(repeating: false, count: blocks)
    isWritten = isKept
  }

  deinit {
    unsafe kept.deallocate()
    unsafe own?.deallocate()
  }

  private static func room(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let room = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: alignment)
    unsafe ferry_ask_large_pages(room, byteCount)
    return unsafe room
  }

  /// Nobody else reaches it until `leave`.
  func enter() { lock.lock() }
  func leave() { lock.unlock() }

  /// What was given, whatever has been written since; between `enter` and `leave`.
  @_lifetime(borrow self)
  func given<Element: TensorElement>(_ range: Range<Int>, of _: Element.Type) -> Span<Element> {
    let bytes = bytes(of: range, Element.self)
    keep(bytes)
    // SAFETY: the bytes lie in `kept`, which is aligned and lives as long as this object.
    let span = unsafe Span(
      _unsafeStart: (kept + bytes.lowerBound).assumingMemoryBound(to: Element.self),
      count: range.count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// Where the result belongs; between `enter` and `leave`.
  @_lifetime(borrow self)
  func result<Element: TensorElement>(
    _ range: Range<Int>, of _: Element.Type
  ) -> MutableSpan<Element> {
    let bytes = bytes(of: range, Element.self)
    if unsafe own == nil {
      keep(bytes)
      for block in blocks(bytes) { isWritten[block] = true }
    }
    // SAFETY: the bytes lie in memory that was lent, or is this object's own.
    let span = unsafe MutableSpan(
      _unsafeStart: ((own ?? memory) + bytes.lowerBound).assumingMemoryBound(to: Element.self),
      count: range.count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// What of the result has been written; between `enter` and `leave`.
  @_lifetime(borrow self)
  func written<Element: TensorElement>(_ range: Range<Int>, of _: Element.Type) -> Span<Element> {
    let bytes = bytes(of: range, Element.self)
    // SAFETY: as for `result`.
    let span = unsafe Span(
      _unsafeStart: ((own ?? memory) + bytes.lowerBound).assumingMemoryBound(to: Element.self),
      count: range.count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// Ends the loan: the memory is as it was, and not reached any more.
  package func giveBack() {
    enter()
    defer { leave() }
    guard unsafe own == nil else { return }
    keep(0..<byteCount)
    let own = unsafe Self.room(byteCount)
    // SAFETY: all three have `byteCount` bytes and none overlaps another.
    unsafe own.copyMemory(from: memory, byteCount: byteCount)
    for (block, isWritten) in isWritten.enumerated() where isWritten {
      let bytes = self.bytes(block)
      unsafe (memory + bytes.lowerBound).copyMemory(
        from: kept + bytes.lowerBound, byteCount: bytes.count)
    }
    unsafe self.own = own
  }

  private func bytes<Element>(of range: Range<Int>, _: Element.Type) -> Range<Int> {
    let width = MemoryLayout<Element>.stride
    precondition(
      width == elementType.byteWidth && range.lowerBound >= 0 && range.upperBound <= count,
      "elements \(range) of \(count), of \(width) bytes each")
    return range.lowerBound * width..<range.upperBound * width
  }

  private func blocks(_ bytes: Range<Int>) -> Range<Int> {
    guard !bytes.isEmpty else { return 0..<0 }
    return bytes.lowerBound / Self.blockByteCount..<(bytes.upperBound - 1) / Self.blockByteCount + 1
  }

  private func bytes(_ block: Int) -> Range<Int> {
    let start = block * Self.blockByteCount
    return start..<min(start + Self.blockByteCount, byteCount)
  }

  private func keep(_ bytes: Range<Int>) {
    for block in blocks(bytes) where !isKept[block] {
      let part = self.bytes(block)
      // SAFETY: both have `byteCount` bytes; the memory is lent still, as all is kept in `giveBack`.
      unsafe (kept + part.lowerBound).copyMemory(
        from: memory + part.lowerBound, byteCount: part.count)
      isKept[block] = true
    }
  }
}
