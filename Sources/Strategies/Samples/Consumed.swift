// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// The positions of the endless stream of samples that rounds have consumed.
struct Consumed: Sendable, Equatable {
  static let rangesMax = 1 << 20

  private(set) var positions = RangeSet<UInt64>()

  init() {}

  mutating func consume(_ more: RangeSet<UInt64>) { positions.formUnion(more) }

  /// How many samples.
  var count: UInt64 { UInt64(positions.sampleCount) }

  /// The `count` lowest positions outside `taken`, in at most `rangesMax` runs.
  static func firstFree(_ count: Int, besides taken: RangeSet<UInt64>, rangesMax: Int)
    -> RangeSet<UInt64>
  {
    var free = RangeSet<UInt64>()
    var (left, runs, from) = (UInt64(count), 0, UInt64(0))
    func take(upTo end: UInt64) {
      let size = min(left, end - from)
      guard size > 0, runs < rangesMax else { return }
      free.insert(contentsOf: from..<from + size)
      (left, runs) = (left - size, runs + 1)
    }
    for range in taken.ranges where left > 0 {
      take(upTo: range.lowerBound)
      from = range.upperBound
    }
    if left > 0 { take(upTo: from + left) }
    return free
  }

  /// The `count` lowest positions of `positions`, which has at least so many.
  static func firstOf(_ count: Int, in positions: RangeSet<UInt64>) -> RangeSet<UInt64> {
    var first = RangeSet<UInt64>()
    var left = UInt64(count)
    for range in positions.ranges where left > 0 {
      let end = min(range.upperBound, range.lowerBound + left)
      first.insert(contentsOf: range.lowerBound..<end)
      left -= end - range.lowerBound
    }
    return first
  }

  func encode(into writer: inout ByteWriter) { positions.encode(into: &writer) }

  init(from reader: inout ByteReader) throws(MalformedMessage) {
    positions = try RangeSet(from: &reader, max: Self.rangesMax)
  }
}

extension RangeSet<UInt64> {
  /// How many positions are in the set.
  var sampleCount: Int { ranges.reduce(0) { $0 + $1.count } }

  func encode(into writer: inout ByteWriter) {
    writer.put(each: Array(ranges)) { writer, range in
      writer.put(range.lowerBound)
      writer.put(range.upperBound)
    }
  }

  init(from reader: inout ByteReader, max rangesMax: Int) throws(MalformedMessage) {
    self.init()
    let ranges = try reader.each(max: rangesMax, byteCountMin: 16) {
      reader throws(MalformedMessage) in
      let (lower, upper): (UInt64, UInt64) = (try reader.number(), try reader.number())
      guard lower < upper else {
        throw reader.malformed("the positions \(lower)..<\(upper) are none")
      }
      return lower..<upper
    }
    for range in ranges { insert(contentsOf: range) }
  }
}
