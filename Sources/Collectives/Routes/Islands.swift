// SPDX-License-Identifier: Apache-2.0

/// The hierarchical all-reduce: within each island a reduce-scatter, across islands an all-reduce
/// among like ranks, within each island an all-gather; in as many levels as there are partitions.
///
/// Segment `s` belongs to rank `s`. In every group that `s` is not in, one rank stands for it: the
/// rank at the place that `s` has in its own group of that level, so that with groups of equal size
/// like ranks meet, and the work is spread evenly in any case. Members send to whoever stands for the
/// segment in their group, those on to whoever does in the group around it, and so on up to `s`. Of
/// `n` islands each sends and receives `n − 1` n-ths of the vector twice, whatever its size.
///
/// - Note: ZeRO++, arXiv 2306.10209, §3.3; in three levels arXiv 2501.04266.
struct Islands: Route {
  /// For each level, innermost first, and each group of it, its members: the first stands for most
  /// where groups differ in size. The last level is one group of all.
  private let levels: [[[Int]]]
  /// For each level, the group of each rank and the rank's place in it.
  private let group: [[Int]]
  private let place: [[Int]]
  private let world: Int

  /// `partitions` of `0..<world`, innermost first, each a refinement of the next.
  init(world: Int, partitions: [[[Int]]]) {
    self.world = world
    levels = partitions + [[Array(0..<world)]]
    var (groups, places): ([[Int]], [[Int]]) = ([], [])
    for level in levels {
      var (group, place) = ([Int](repeating: 0, count: world), [Int](repeating: 0, count: world))
      for (number, members) in level.enumerated() {
        for (at, rank) in members.enumerated() { (group[rank], place[rank]) = (number, at) }
      }
      groups.append(group)
      places.append(place)
    }
    group = groups
    place = places
  }

  var segmentCount: Int { world }

  /// Who stands for a segment in the group of a level that `rank` is in.
  private func standIn(_ level: Int, around rank: Int, for segment: Int) -> Int {
    // From the outside in: whoever stands for a group stands for the part of it that it is in.
    if level == levels.count - 1 { return segment }
    let outer = standIn(level + 1, around: rank, for: segment)
    if group[level][outer] == group[level][rank] { return outer }
    let members = levels[level][group[level][rank]]
    return members[place[level][segment] % members.count]
  }

  func sink(of rank: Int, _ segment: Int) -> Int? {
    for level in levels.indices {
      let standIn = standIn(level, around: rank, for: segment)
      if standIn != rank { return standIn }
    }
    return nil
  }

  /// Level by level, the nearest first, and within a level those before this rank, backwards round.
  func sources(of rank: Int, _ segment: Int) -> [Int] {
    var sources: [Int] = []
    for level in levels.indices {
      guard standIn(level, around: rank, for: segment) == rank else { break }
      let members = levels[level][group[level][rank]]
      let own = place[level][rank]
      for step in 1..<max(members.count, 1) {
        let other = members[(own + members.count - step) % members.count]
        // Of each group inside this one, the rank that stands for it.
        let speaks = level == 0 || standIn(level - 1, around: other, for: segment) == other
        let isApart = level == 0 || group[level - 1][other] != group[level - 1][rank]
        if speaks && isApart { sources.append(other) }
      }
    }
    return sources
  }
}
