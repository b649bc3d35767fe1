// SPDX-License-Identifier: Apache-2.0

/// A float type of 16 bits that is nothing but its bit pattern.
package protocol SixteenBitFloat: TensorElement {
  var bitPattern: UInt16 { get }
}

extension BFloat16: SixteenBitFloat {}
extension Half: SixteenBitFloat {}

extension Span where Element: SixteenBitFloat {
  /// The same elements as the integers that they are in memory.
  var bitPatterns: Span<UInt16> {
    @_lifetime(copy self)
    get {
      // SAFETY: the element is a struct of one `UInt16`: same size, same alignment, plain bits.
      let patterns = unsafe bytes._unsafeView(as: UInt16.self)
      return unsafe _overrideLifetime(patterns, copying: self)
    }
  }
}

extension MutableSpan where Element: SixteenBitFloat {
  /// Writes the elements as the integers that they are in memory.
  mutating func withBitPatterns(_ body: (inout MutableSpan<UInt16>) -> Void) {
    unsafe withUnsafeMutableBytes { bytes in
      // SAFETY: as for `Span.bitPatterns`; the view ends with the call.
      var patterns = unsafe MutableSpan<UInt16>(_unsafeElements: bytes.bindMemory(to: UInt16.self))
      body(&patterns)
    }
  }
}
