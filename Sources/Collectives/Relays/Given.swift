// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// What a rank gives to a reduction: values of its own, or memory that its caller lends.
struct Given<Element: CollectiveElement>: Sendable {
  private let own: [Element]
  /// In place of `own`.
  let lent: LentMemory?
  let count: Int

  init(_ values: consuming [Element]) {
    count = values.count
    own = values
    lent = nil
  }

  init(lent: LentMemory) {
    (own, self.lent, count) = ([], lent, lent.count)
  }

  @_lifetime(borrow self)
  func part(_ range: Range<Int>) -> Span<Element> {
    guard let lent else { return own.span.extracting(range) }
    // SAFETY: the memory's owner lives as long as `self`.
    return unsafe _overrideLifetime(lent.given(range, of: Element.self), borrowing: self)
  }

  /// All of them in memory of their own.
  consuming func values() -> [Element] {
    guard let lent else { return own }
    lent.enter()
    defer { lent.leave() }
    return Bytes.values(in: lent.given(0..<count, of: Element.self).elementBytes)
  }

  /// All of them times a scale.
  consuming func scaled(by scale: Double) -> Given {
    guard scale != 1 else { return self }
    var values = values()
    var all = values.mutableSpan
    Element.scale(&all, by: scale)
    return Given(values)
  }
}

/// Sums under way, and finished values as they come: in memory of their own, or where a caller wants
/// them.
struct Gathered<Element: CollectiveElement>: Sendable {
  private var own: [Element]
  /// In place of `own`.
  let lent: LentMemory?
  let count: Int

  init(_ values: consuming [Element]) {
    count = values.count
    own = values
    lent = nil
  }

  /// As many as were given, of whatever values: in their place where that was lent.
  init(like given: Given<Element>) {
    (lent, count) = (given.lent, given.count)
    own = given.lent == nil ? Bytes.unset(given.count) : []
  }

  @_lifetime(&self)
  mutating func part(_ range: Range<Int>) -> MutableSpan<Element> {
    guard let lent else { return own.part(range) }
    // SAFETY: as for `Given.part`.
    return unsafe _overrideLifetime(lent.result(range, of: Element.self), mutating: &self)
  }

  @_lifetime(borrow self)
  func span(_ range: Range<Int>) -> Span<Element> {
    guard let lent else { return own.span.extracting(range) }
    // SAFETY: as for `Given.part`.
    return unsafe _overrideLifetime(lent.written(range, of: Element.self), borrowing: self)
  }

  /// The values of a range, or none where a caller has them.
  func values(_ range: Range<Int>) -> [Element] {
    range == own.indices ? own : lent == nil ? Array(own[range]) : []
  }
}
