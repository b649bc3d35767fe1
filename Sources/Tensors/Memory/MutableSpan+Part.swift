// SPDX-License-Identifier: Apache-2.0

extension MutableSpan where Element: BitwiseCopyable {
  /// The elements of a range, writable, while the whole is not used.
  ///
  /// The standard library's own name for it still begins with an underscore; this is the one place
  /// that says it.
  @_lifetime(&self)
  public mutating func part(_ range: Range<Int>) -> MutableSpan<Element> {
    _mutatingExtracting(range)
  }
}
