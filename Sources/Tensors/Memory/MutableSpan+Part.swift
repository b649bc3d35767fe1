// SPDX-License-Identifier: Apache-2.0

// The standard library's own names for parts still begin with an underscore; this is the one place
// that says them.

extension MutableSpan where Element: BitwiseCopyable {
  /// The elements of a range, writable, while the whole is not used.
  @_lifetime(&self)
  public mutating func part(_ range: Range<Int>) -> MutableSpan<Element> {
    _mutatingExtracting(range)
  }
}

extension Array where Element: BitwiseCopyable {
  /// The elements of a range, writable, while the array is not used.
  @_lifetime(&self)
  package mutating func part(_ range: Range<Int>) -> MutableSpan<Element> {
    mutableSpan._consumingExtracting(range)
  }
}
