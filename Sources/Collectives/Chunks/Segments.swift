// SPDX-License-Identifier: Apache-2.0

import FerryPlanning

/// How long pieces are: what travels alone, and is added while others travel.
enum Pieces {
  /// The most bytes of a piece: with what it was read into, and what it is sent from, it stays in a
  /// core's second-level cache.
  static let byteCountMax = 128 << 10
  /// The same where processors are what limits: a piece costs them its header, its wake-ups and its
  /// places in queues, and its way through a link costs nothing. 64 MiB among four peers on two cores,
  /// in clear: 53.7 ms, and 51.2 ms in pieces of this length.
  static let byteCountMaxOnFastLinks = 512 << 10

  static func byteCountMax(areLinksFast: Bool) -> Int {
    areLinksFast ? byteCountMaxOnFastLinks : byteCountMax
  }

  /// The fewest, where there is more than one: each costs a header, a seal and a wake-up.
  static let byteCountMin = 32 << 10
  /// A segment is cut in so many pieces before they grow: with fewer nothing overlaps, and on links
  /// that cost nothing but processor time every piece is a loss. Of 1 MiB among four peers on two
  /// cores, sealed: 18.8 ms in one piece a segment, 20.7 in four, 21.6 in six, 45 in sixteen.
  static let perSegment = 4
  /// Pieces are whole multiples of it but for the last, so that codecs' blocks stay whole.
  static let granule = 1024

  /// Elements of a piece of segments that are `count` elements long, of `width` bytes each.
  ///
  /// Depends on what all ranks know alike, so that all cut alike.
  static func elements(of count: Int, width: Int, areLinksFast: Bool = false) -> Int {
    let most = byteCountMax(areLinksFast: areLinksFast)
    let bytes = min(max(count * width / perSegment, byteCountMin), most)
    return (bytes / width + granule - 1) / granule * granule
  }
}

/// How a vector is cut: one segment for each owner.
enum Segments {
  /// `count` elements in `parts` segments that differ by one at most, the longer ones first.
  static func even(_ count: Int, in parts: Int) -> [Range<Int>] {
    let (base, longer) = count.quotientAndRemainder(dividingBy: parts)
    return ranges((0..<parts).map { base + ($0 < longer ? 1 : 0) })
  }

  /// `count` elements in proportion to `shares`, which are finite, at least 0 and not all 0.
  static func shared(_ count: Int, by shares: [Double]) -> [Range<Int>] {
    do {
      return ranges(try ChunkSizes.weighted(total: count, weights: shares))
    } catch {
      preconditionFailure("shares that were checked: \(error)")
    }
  }

  /// Segments of given lengths, one after another.
  static func ranges(_ counts: [Int]) -> [Range<Int>] { ChunkSizes.ranges(counts) }
}
