// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// Positions of the endless stream of samples, as the trainer deals, uses and reports them.
typealias Positions = RangeSet<UInt64>

extension RangeSet<UInt64> {
  /// How many positions are in the set.
  var sampleCount: Int { ranges.reduce(0) { $0 + $1.count } }

  /// The `count` lowest positions of the set, which has at least so many.
  func lowest(_ count: Int) -> Positions {
    var first = Positions()
    var left = UInt64(count)
    for range in ranges where left > 0 {
      let end = Swift.min(range.upperBound, range.lowerBound + left)
      first.insert(contentsOf: range.lowerBound..<end)
      left -= end - range.lowerBound
    }
    return first
  }

  /// The `count` lowest positions outside the set, or as many of them as `rangesMax` runs hold.
  func lowestFree(_ count: Int, rangesMax: Int) -> Positions {
    var free = Positions()
    var (left, runs, from) = (UInt64(count), 0, UInt64(0))
    func take(upTo end: UInt64) {
      let size = Swift.min(left, end - from)
      guard size > 0, runs < rangesMax else { return }
      free.insert(contentsOf: from..<from + size)
      (left, runs) = (left - size, runs + 1)
    }
    for range in ranges where left > 0 {
      take(upTo: range.lowerBound)
      from = range.upperBound
    }
    if left > 0 { take(upTo: from + left) }
    return free
  }

  func encode(into writer: inout ByteWriter) {
    writer.put(each: Array(ranges)) { writer, range in
      writer.put(range.lowerBound)
      writer.put(range.upperBound)
    }
  }

  /// - Throws: when a range is empty, or there are more than `rangesMax`.
  init(from reader: inout ByteReader, max rangesMax: Int) throws(MalformedMessage) {
    self.init()
    let ranges = try reader.each(max: rangesMax, byteCountMin: 16) {
      reader throws(MalformedMessage) in
      let (lower, upper): (UInt64, UInt64) = (try reader.number(), try reader.number())
      guard lower < upper else {
        throw reader.malformed("the positions from \(lower) to \(upper) are none")
      }
      return lower..<upper
    }
    for range in ranges { insert(contentsOf: range) }
  }
}
