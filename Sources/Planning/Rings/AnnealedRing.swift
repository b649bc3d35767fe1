// SPDX-License-Identifier: Apache-2.0

package import FerryBasics

/// A good ring for a group too large for the best: threshold accepting (Dueck and Scheuer 1990), which
/// anneals without exponentials, whose last bits differ between machines.
///
/// First the floor is raised: by bisection over the speeds measured, a search for a ring without an
/// edge below a floor, counting those that are. Then latency is brought down above the floor reached.
package struct AnnealedRing {
  /// Steps of one search for each member; a search for a floor ends at once when it succeeds.
  static let stepsPerMember = 2_000

  private let matrix: PairMatrix
  private let seed: Seed
  private let count: Int

  package init(_ matrix: PairMatrix, seed: Seed) {
    self.matrix = matrix
    self.seed = seed
    count = matrix.count
  }

  /// The best order met, beginning with member 0; at least as good as the listed one.
  package func order() -> [Int]? {
    var best = Array(0..<count)
    for start in [0, count / 2] {
      let greedy = widestNeighbor(from: start)
      if RingQuality(greedy, on: matrix) > RingQuality(best, on: matrix) { best = greedy }
    }
    let reached = RingQuality(best, on: matrix).slowest
    let floors = speeds(above: reached, upTo: highestFloor())
    // Below `low` floors are reached, from `high` on none was found.
    var (low, high) = (0, floors.count)
    while low < high {
      let middle = (low + high) / 2
      if let found = search(best, floor: floors[middle], attempt: middle) {
        best = found
        let slowest = RingQuality(found, on: matrix).slowest
        low = floors.firstIndex { $0 > slowest } ?? floors.count
      } else {
        high = middle
      }
    }
    return Self.fromZero(shorten(best))
  }

  /// The same ring, told from member 0 on.
  static func fromZero(_ members: [Int]) -> [Int] {
    let at = members.firstIndex(of: 0)!
    return Array(members[at...] + members[..<at])
  }

  /// From each member to the one not yet passed that its fastest link leads to.
  private func widestNeighbor(from start: Int) -> [Int] {
    var members = [start]
    var isLeft = Array(repeating: true, count: count)
    isLeft[start] = false
    while members.count < count {
      let last = members[members.count - 1]
      var next = -1
      for one in 0..<count where isLeft[one] {
        if next < 0 || matrix.speed(last, one) > matrix.speed(last, next) { next = one }
      }
      isLeft[next] = false
      members.append(next)
    }
    return members
  }

  /// No ring is faster than what its worst-off member can send or receive over one link.
  private func highestFloor() -> Double {
    (0..<count).reduce(.infinity) { bound, one in
      let others = (0..<count).filter { $0 != one }
      let out = others.reduce(0) { max($0, matrix.speed(one, $1)) }
      let into = others.reduce(0) { max($0, matrix.speed($1, one)) }
      return min(bound, out, into)
    }
  }

  private func speeds(above low: Double, upTo high: Double) -> [Double] {
    var speeds: Set<Double> = []
    for from in 0..<count {
      for to in 0..<count where from != to {
        let speed = matrix.speed(from, to)
        if speed > low, speed <= high { speeds.insert(speed) }
      }
    }
    return speeds.sorted()
  }

  /// A ring without an edge below `floor`, if the search meets one.
  private func search(_ start: [Int], floor: Double, attempt: Int) -> [Int]? {
    var walk = RingWalk(start, seed: seed.derived("ring-floor", UInt64(attempt)))
    return walk.lower(steps: count * Self.stepsPerMember, warmth: 1.5, until: 0) { from, to in
      matrix.speed(from, to) < floor ? 1 : 0
    }.flatMap { $0.cost == 0 ? $0.members : nil }
  }

  /// The ring of least latency met, with no edge slower than the slowest of `start`.
  private func shorten(_ start: [Int]) -> [Int] {
    let floor = RingQuality(start, on: matrix).slowest
    let longest = (0..<count * count).reduce(0) {
      max($0, matrix.nanoseconds($1 / count, $1 % count))
    }
    // An edge below the floor costs more than any ring saves.
    let forbidden = Double(longest + 1) * Double(count)
    var walk = RingWalk(start, seed: seed.derived("ring-latency"))
    let found = walk.lower(
      steps: count * Self.stepsPerMember, warmth: Double(longest) / 4, until: 0
    ) { from, to in
      matrix.speed(from, to) < floor ? forbidden : Double(matrix.nanoseconds(from, to))
    }
    guard let found, RingQuality(found.members, on: matrix) > RingQuality(start, on: matrix) else {
      return start
    }
    return found.members
  }
}

/// A walk over orders in small moves: a segment taken elsewhere, or turned round.
private struct RingWalk {
  /// A segment that is turned round is at most this long: with links that differ by direction every
  /// edge in it changes.
  static let turnedMax = 16

  private var members: [Int]
  private var random: SplitMix64

  init(_ members: [Int], seed: Seed) {
    self.members = members
    random = SplitMix64(seed)
  }

  /// Walks downhill, and uphill by less than a warmth that cools to nothing; ends at `goal` or below.
  ///
  /// - Returns: the best order met and its cost, the sum over its edges.
  mutating func lower(
    steps: Int, warmth: Double, until goal: Double, cost: (Int, Int) -> Double
  ) -> (members: [Int], cost: Double)? {
    let count = members.count
    func total(_ members: [Int]) -> Double {
      members.indices.reduce(0) { $0 + cost(members[$1], members[($1 + 1) % count]) }
    }
    var current = total(members)
    var best = (members: members, cost: current)
    for step in 0..<steps where best.cost > goal {
      let limit = warmth * (1 - Double(step) / Double(steps)) * unit()
      let change = step % 4 == 3 ? turn(below: limit, cost) : move(below: limit, cost)
      current += change
      if current < best.cost { best = (members, current) }
    }
    // Sums of changes gather rounding; the members do not.
    return (best.members, total(best.members))
  }

  private mutating func unit() -> Double { Double(random.next() >> 11) * 0x1p-53 }

  private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

  /// Takes `a…b` out and puts it in elsewhere, if that costs less than `limit`. Three edges change.
  private mutating func move(below limit: Double, _ cost: (Int, Int) -> Double) -> Double {
    let count = members.count
    let start = below(count)
    let length = 1 + below(min(count - 2, 32))
    let gap = below(count - length - 1)
    func at(_ index: Int) -> Int { members[(start + index + count) % count] }
    // In the order from `start`: the segment 0..<length, then the rest; it goes in after `landing`.
    let landing = length + gap
    let (before, first, last, after) = (at(-1), at(0), at(length - 1), at(length))
    let (left, right) = (at(landing), at(landing + 1))
    guard left != before else { return 0 }
    let change =
      cost(before, after) + cost(left, first) + cost(last, right)
      - cost(before, first) - cost(last, after) - cost(left, right)
    guard change < limit || change <= 0 else { return 0 }
    let segment = (0..<length).map(at)
    let passed = (length...landing).map(at)
    for (index, one) in (passed + segment).enumerated() { members[(start + index) % count] = one }
    return change
  }

  /// Turns `a…b` round, if that costs less than `limit`.
  private mutating func turn(below limit: Double, _ cost: (Int, Int) -> Double) -> Double {
    let count = members.count
    let start = below(count)
    let length = 2 + below(min(count - 2, Self.turnedMax - 1))
    func at(_ index: Int) -> Int { members[(start + index + count) % count] }
    let (before, after) = (at(-1), at(length))
    guard length < count else { return 0 }
    var change = cost(before, at(length - 1)) + cost(at(0), after)
    change -= cost(before, at(0)) + cost(at(length - 1), after)
    for index in 0..<length - 1 {
      change += cost(at(index + 1), at(index)) - cost(at(index), at(index + 1))
    }
    guard change < limit || change <= 0 else { return 0 }
    let turned = (0..<length).map { at(length - 1 - $0) }
    for (index, one) in turned.enumerated() { members[(start + index) % count] = one }
    return change
  }
}
