// SPDX-License-Identifier: Apache-2.0

/// Groups of ranks within groups: dies of a card, cards of a host, hosts of a cluster.
///
/// Level 0 is the innermost, with the fastest links. A group of *depth* `d` is all ranks that differ
/// at the levels below `d` only: one rank at depth 0, all of them at depth `levels`. Ranks are numbered
/// so that each group is a run of them: of 2 dies, 4 cards and 2 hosts, rank 11 is die 1 of card 1 of
/// host 1.
public struct Nest: Sendable, Hashable {
  /// The most levels.
  public static let levelsMax = 4
  /// The most ranks.
  public static let worldMax = 65_536

  /// How many meet at each level, innermost first: `[2, 4, 2]`.
  public let sizes: [Int]
  /// How many ranks a group of each depth has: `[1, 2, 8, 16]`.
  public let widths: [Int]

  /// - Throws: `.badNest` unless there are 1 to `levelsMax` levels of at least 1, and at most `worldMax`
  ///   ranks in all.
  public init(_ sizes: [Int]) throws(PlanningError) {
    var widths = [1]
    for size in sizes {
      let (width, isTooMany) = widths.last!.multipliedReportingOverflow(by: size)
      guard size > 0, !isTooMany, width <= Self.worldMax else { break }
      widths.append(width)
    }
    guard (1...Self.levelsMax).contains(sizes.count), widths.count == sizes.count + 1 else {
      throw Self.refused(
        "levels of \(sizes)",
        "Give 1 to \(Self.levelsMax) sizes of at least 1, at most \(Self.worldMax) ranks in all.")
    }
    self.sizes = sizes
    self.widths = widths
  }

  /// The nest that named groups form, innermost level first, each group a list of ranks.
  ///
  /// - Throws: `.badNest` when groups of one level differ in size, or are not runs of ranks one after
  ///   the other: shards of uneven groups would be uneven, too, and no two of them like each other.
  public init(groups: [[[Int]]]) throws(PlanningError) {
    var width = 1
    var sizes: [Int] = []
    for (level, groups) in groups.enumerated() {
      let counts = Set(groups.map(\.count))
      guard counts.count == 1, let count = counts.first, count > 0 else {
        throw Self.refused(
          "the groups of level \(level) have \(groups.map(\.count)) ranks",
          "Leave ranks out until all groups of a level are of one size.")
      }
      guard groups.flatMap(\.self) == Array(0..<count * groups.count), count % width == 0 else {
        throw Self.refused(
          "the groups of level \(level) are \(groups)",
          "Number ranks so that each group is a run of them, and those within it are whole.")
      }
      sizes.append(count / width)
      width = count
    }
    if let last = groups.last, last.count > 1 { sizes.append(last.count) }
    try self.init(sizes)
  }

  /// How many levels there are.
  public var levels: Int { sizes.count }
  /// How many ranks there are.
  public var world: Int { widths.last! }

  /// A rank's place at a level, in `0..<sizes[level]`.
  public func place(of rank: Int, at level: Int) -> Int { rank / widths[level] % sizes[level] }

  /// The ranks that differ from this one between two depths only, itself among them, ascending.
  public func fellows(of rank: Int, between depths: Range<Int>) -> [Int] {
    let (inner, outer) = (widths[depths.lowerBound], widths[depths.upperBound])
    let first = rank / outer * outer + rank % inner
    return (0..<outer / inner).map { first + $0 * inner }
  }

  /// The outermost level at which two ranks differ: that of the links between them; nil for one rank.
  public func level(between a: Int, _ b: Int) -> Int? {
    sizes.indices.last { place(of: a, at: $0) != place(of: b, at: $0) }
  }

  private static func refused(_ what: String, _ remedy: String) -> PlanningError {
    PlanningError(.badNest, what, at: "the nest of ranks", remedy: remedy)
  }
}
