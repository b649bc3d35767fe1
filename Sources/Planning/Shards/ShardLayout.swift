// SPDX-License-Identifier: Apache-2.0

/// Who owns which range of a flat run of parameters, at each depth of a nest.
///
/// The run is cut in `sizes[0]` equal parts, one for each place at level 0; each of them in
/// `sizes[1]`, and so on. A rank's part at any depth is one range, that of a greater depth lies in it,
/// and the members of a group of depth `d` own the whole run between them. So parts need no reordering
/// on their way: what a rank owns in the end is the part of it that it owned after the first hop.
///
/// - Note: ZeRO++ (arXiv 2306.10209, §3.3) sends slices of consecutive ranks, which have to change
///   places before the first hop. Here ranks own what the nest gives them instead.
public struct ShardLayout: Sendable, Hashable {
  /// The longest run.
  public static let countMax = 1 << 48

  public let nest: Nest
  /// Parameters there are.
  public let count: Int
  /// With zeros behind, so that each rank's part is a whole number of blocks at each depth.
  public let paddedCount: Int
  /// Ranges that are never rounded in fewer bits: norms, biases. Ascending, apart from one another.
  public let exact: [Range<Int>]

  /// - Parameters:
  ///   - block: parts are multiples of it; that of the codecs.
  ///   - exact: in any order; ranges that overlap become one.
  /// - Throws: `.badShards` for no parameters, more than `countMax`, a block that is not 1 to 2²⁰, or
  ///   ranges outside the run.
  public init(
    count: Int, nest: Nest, block: Int = 1, exact: [Range<Int>] = []
  ) throws(PlanningError) {
    guard (1...Self.countMax).contains(count), (1...1 << 20).contains(block) else {
      throw PlanningError(
        .badShards, "\(count) parameters in blocks of \(block)", at: "the layout of shards",
        remedy: "Give 1 to \(Self.countMax) parameters, and blocks of 1 to \(1 << 20).")
    }
    if let range = exact.first(where: { $0.lowerBound < 0 || $0.upperBound > count }) {
      throw PlanningError(
        .badShards, "the exact range \(range) of \(count) parameters", at: "the layout of shards",
        remedy: "Name ranges that lie within the run.")
    }
    self.nest = nest
    self.count = count
    let unit = block * nest.world
    paddedCount = (count + unit - 1) / unit * unit
    var joined: [Range<Int>] = []
    for range in exact.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      if let last = joined.last, range.lowerBound <= last.upperBound {
        joined[joined.count - 1] =
          last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        joined.append(range)
      }
    }
    self.exact = joined
  }

  /// How many values a rank owns at a depth.
  public func length(at depth: Int) -> Int { paddedCount / nest.widths[depth] }

  /// What a rank owns at a depth, 0 to `nest.levels`, of the padded run.
  public func range(of rank: Int, at depth: Int) -> Range<Int> {
    var start = 0
    for level in 0..<depth {
      start += nest.place(of: rank, at: level) * length(at: level + 1)
    }
    return start..<start + length(at: depth)
  }
}
