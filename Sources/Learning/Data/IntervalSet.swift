// SPDX-License-Identifier: Apache-2.0

/// A set of stream positions, kept as sorted, disjoint, non-adjacent, non-empty half-open ranges.
///
/// Memory grows with the number of holes and not with the number of positions.
public struct IntervalSet: Hashable, Sendable {
  /// The ranges, in order; between any two lies at least one position that is not in the set.
  public private(set) var ranges: [Range<UInt64>] = []

  /// The most ranges that are read from a file or a peer.
  public static let rangesMax = 1 << 16

  /// The empty set.
  public init() {}

  /// The union of these ranges, which may overlap and come in any order.
  public init(_ ranges: some Sequence<Range<UInt64>>) {
    for range in ranges { insert(range) }
  }

  /// How many positions are in the set; stops at `UInt64.max`.
  public var count: UInt64 {
    // No overflow: disjoint ranges below `UInt64.max` hold at most that many positions.
    ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
  }

  /// Whether there is nothing in it.
  public var isEmpty: Bool { ranges.isEmpty }

  /// One past the last position; 0 when empty.
  public var end: UInt64 { ranges.last?.upperBound ?? 0 }

  /// The lowest position that is not in the set.
  public var firstFree: UInt64 {
    guard let first = ranges.first, first.lowerBound == 0 else { return 0 }
    return first.upperBound
  }

  /// The positions below `end` that are not in the set.
  public var holes: [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    var from: UInt64 = 0
    for range in ranges {
      if from < range.lowerBound { result.append(from..<range.lowerBound) }
      from = range.upperBound
    }
    return result
  }

  /// Whether a position is in the set. O(log n).
  public func contains(_ position: UInt64) -> Bool {
    let index = firstIndex(endingAfter: position)
    return index < ranges.count && ranges[index].lowerBound <= position
  }

  /// Whether all positions of a range are in the set; true for an empty range.
  public func contains(_ range: Range<UInt64>) -> Bool {
    if range.isEmpty { return true }
    let index = firstIndex(endingAfter: range.lowerBound)
    return index < ranges.count && ranges[index].lowerBound <= range.lowerBound
      && range.upperBound <= ranges[index].upperBound
  }

  /// The lowest position of `range` that is in the set; nil when they are disjoint.
  public func firstOverlap(with range: Range<UInt64>) -> UInt64? {
    if range.isEmpty { return nil }
    let index = firstIndex(endingAfter: range.lowerBound)
    guard index < ranges.count, ranges[index].lowerBound < range.upperBound else { return nil }
    return max(ranges[index].lowerBound, range.lowerBound)
  }

  /// Adds all positions of a range.
  public mutating func insert(_ range: Range<UInt64>) {
    if range.isEmpty { return }
    // Everything that overlaps or touches `range` becomes one range with it.
    let first = firstIndex(endingAtOrAfter: range.lowerBound)
    var last = first
    var merged = range
    while last < ranges.count, ranges[last].lowerBound <= range.upperBound {
      merged =
        min(
          merged.lowerBound, ranges[last].lowerBound)..<max(
          merged.upperBound, ranges[last].upperBound)
      last += 1
    }
    ranges.replaceSubrange(first..<last, with: CollectionOfOne(merged))
  }

  /// Takes out all positions of a range.
  public mutating func remove(_ range: Range<UInt64>) {
    if range.isEmpty { return }
    let first = firstIndex(endingAfter: range.lowerBound)
    var last = first
    var left: [Range<UInt64>] = []
    while last < ranges.count, ranges[last].lowerBound < range.upperBound {
      let old = ranges[last]
      if old.lowerBound < range.lowerBound { left.append(old.lowerBound..<range.lowerBound) }
      if range.upperBound < old.upperBound { left.append(range.upperBound..<old.upperBound) }
      last += 1
    }
    ranges.replaceSubrange(first..<last, with: left)
  }

  /// Adds all of another set.
  public mutating func formUnion(_ other: IntervalSet) {
    for range in other.ranges { insert(range) }
  }

  /// Takes out all of another set.
  public mutating func subtract(_ other: IntervalSet) {
    for range in other.ranges { remove(range) }
  }

  /// The lowest `count` positions that are not in the set, holes first, as ranges.
  public func free(_ count: UInt64) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    var missing = count
    for hole in holes where missing > 0 {
      let taken = min(missing, hole.upperBound - hole.lowerBound)
      result.append(hole.lowerBound..<hole.lowerBound + taken)
      missing -= taken
    }
    guard missing > 0 else { return result }
    precondition(missing <= UInt64.max - end, "no \(missing) positions after \(end)")
    result.append(end..<end + missing)
    return result
  }

  private func firstIndex(endingAfter position: UInt64) -> Int {
    firstIndex { $0.upperBound > position }
  }

  private func firstIndex(endingAtOrAfter position: UInt64) -> Int {
    firstIndex { $0.upperBound >= position }
  }

  /// Binary search; `matches` is false for a first part of the ranges and true for the rest.
  private func firstIndex(_ matches: (Range<UInt64>) -> Bool) -> Int {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if matches(ranges[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension IntervalSet: Codable {
  /// Reads `[[lower, upper], …]`, in order and within `rangesMax`.
  public init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    while !container.isAtEnd {
      let bounds = try container.decode([UInt64].self)
      guard bounds.count == 2, append(bounds[0], bounds[1]), ranges.count <= Self.rangesMax else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "ranges must be [lower, upper], in order, apart")
      }
    }
  }

  /// Writes `[[lower, upper], …]`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for range in ranges { try container.encode([range.lowerBound, range.upperBound]) }
  }

  /// Adds a range after all others; false when it is empty, or touches or precedes the last one.
  package mutating func append(_ lower: UInt64, _ upper: UInt64) -> Bool {
    guard lower < upper, ranges.isEmpty || end < lower else { return false }
    ranges.append(lower..<upper)
    return true
  }
}
