// SPDX-License-Identifier: Apache-2.0

package import FerryBasics

/// A good ring for a group too large for the best: threshold accepting (Dueck and Scheuer 1990), which
/// anneals without exponentials, whose last bits differ between machines.
///
/// First the floor is raised: by bisection over the speeds measured, a search for a ring without an
/// edge below a floor, counting those that are. Then latency is brought down above the floor reached.
package struct AnnealedRing {
  /// Steps of one search for each member; a search for a floor ends at once when it succeeds.
  static let stepsPerMember = 10_000

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

  /// What each edge costs, by `from * count + to`.
  private func costs(_ cost: (Int, Int) -> Double) -> [Double] {
    (0..<count * count).map { cost($0 / count, $0 % count) }
  }

  /// A ring without an edge below `floor`, if the search meets one.
  private func search(_ start: [Int], floor: Double, attempt: Int) -> [Int]? {
    let tooSlow = costs { matrix.speed($0, $1) < floor ? 1 : 0 }
    var walk = RingWalk(start, costs: tooSlow, seed: seed.derived("ring-floor", UInt64(attempt)))
    let found = walk.lower(steps: count * Self.stepsPerMember, warmth: 1.5)
    return found.cost == 0 ? found.members : nil
  }

  /// The ring of least latency met, with no edge slower than the slowest of `start`.
  private func shorten(_ start: [Int]) -> [Int] {
    let floor = RingQuality(start, on: matrix).slowest
    let longest = (0..<count * count).reduce(0) {
      max($0, matrix.nanoseconds($1 / count, $1 % count))
    }
    // An edge below the floor costs more than any ring saves.
    let forbidden = Double(longest + 1) * Double(count)
    let latencies = costs {
      matrix.speed($0, $1) < floor ? forbidden : Double(matrix.nanoseconds($0, $1))
    }
    var walk = RingWalk(start, costs: latencies, seed: seed.derived("ring-latency"))
    let found = walk.lower(steps: count * Self.stepsPerMember, warmth: Double(longest) / 4)
    let isBetter = RingQuality(found.members, on: matrix) > RingQuality(start, on: matrix)
    return isBetter ? found.members : start
  }
}

/// A walk over orders in small moves: a segment taken elsewhere, or turned round.
private struct RingWalk {
  /// A segment that is moved, the way that it is moved, and one that is turned round are at most so
  /// long: an accepted move costs as much as they are.
  private static let movedMax = 32
  private static let passedMax = 48
  private static let turnedMax = 16

  private let count: Int
  private let costs: [Double]
  private var members: [Int]
  private var scratch: [Int] = []
  private var random: SplitMix64

  init(_ members: [Int], costs: [Double], seed: Seed) {
    count = members.count
    self.costs = costs
    self.members = members
    random = SplitMix64(seed)
  }

  /// Walks downhill, and uphill by less than a warmth that cools to nothing; ends when nothing is left
  /// to save.
  ///
  /// - Returns: the best order met and its cost, the sum over its edges.
  mutating func lower(steps: Int, warmth: Double) -> (members: [Int], cost: Double) {
    var current = total
    var best = (members: members, cost: current)
    for step in 0..<steps where best.cost > 0 {
      let limit = warmth * (1 - Double(step) / Double(steps)) * unit()
      current += step % 4 == 3 ? turn(below: limit) : move(below: limit)
      if current < best.cost { best = (members, current) }
    }
    // Sums of changes gather rounding; the members do not.
    members = best.members
    return (members, total)
  }

  private var total: Double {
    (0..<count).reduce(0) { $0 + cost(at($1), at($1 + 1)) }
  }

  private func at(_ index: Int) -> Int { members[index < count ? index : index - count] }

  private func cost(_ from: Int, _ to: Int) -> Double { costs[from * count + to] }

  private mutating func unit() -> Double { Double(random.next() >> 11) * 0x1p-53 }

  private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

  /// Writes `scratch` into the ring.
  private mutating func write(from start: Int) {
    var index = start
    for one in scratch {
      members[index] = one
      index = index + 1 == count ? 0 : index + 1
    }
  }

  /// Takes a segment out and puts it in further on, if that costs less than `limit`. Three edges
  /// change.
  private mutating func move(below limit: Double) -> Double {
    let start = below(count)
    let length = 1 + below(min(count - 2, Self.movedMax))
    let passed = 1 + below(min(count - length - 1, Self.passedMax))
    let before = at(start + count - 1)
    let (first, last) = (at(start), at(start + length - 1))
    let (after, left) = (at(start + length), at(start + length + passed - 1))
    let right = at(start + length + passed)
    let change =
      cost(before, after) + cost(left, first) + cost(last, right)
      - cost(before, first) - cost(last, after) - cost(left, right)
    guard change <= 0 || change < limit else { return 0 }
    scratch.removeAll(keepingCapacity: true)
    for index in start + length..<start + length + passed { scratch.append(at(index)) }
    for index in start..<start + length { scratch.append(at(index)) }
    write(from: start)
    return change
  }

  /// Turns a segment round, if that costs less than `limit`. With links that differ by direction every
  /// edge in it changes.
  private mutating func turn(below limit: Double) -> Double {
    let start = below(count)
    let length = 2 + below(min(count - 2, Self.turnedMax - 1))
    let (before, after) = (at(start + count - 1), at(start + length))
    let (first, last) = (at(start), at(start + length - 1))
    var change = cost(before, last) + cost(first, after) - cost(before, first) - cost(last, after)
    for index in start..<start + length - 1 {
      let (one, next) = (at(index), at(index + 1))
      change += cost(next, one) - cost(one, next)
    }
    guard change <= 0 || change < limit else { return 0 }
    scratch.removeAll(keepingCapacity: true)
    for index in 1...length { scratch.append(at(start + length - index)) }
    write(from: start)
    return change
  }
}
