// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Prices, and who holds what, near those of the cheapest coupling of any masses: an auction of
/// columns in units of equal mass, each unit with its own price (Bertsekas and Castañon 1989).
///
/// A start for an exact solver, and nothing more: it may stop at any time, and masses are rounded to
/// units.
struct TransportAuction {
  /// What a row holds of a column, and at which potential.
  private struct Holding {
    var v: Double
    let row: Int32
    var units: Int32
  }

  /// Potentials of the columns, the negated prices of their cheapest units.
  private(set) var v: [Double]
  private let supply: [Int32]
  private let capacity: [Int32]
  private var left: [Int32]
  private var room: [Int32]
  /// Of each column a heap, the cheapest first.
  private var holders: [[Holding]]
  private var waiting: [Int32] = []
  private var bids = 0

  /// Units of the mean mass, of the longer side: more cost bids, fewer cost pivots for what rounding
  /// misplaces. Measured best of 8, 16, 32, 64 and 256.
  private static let unitsEach = 32
  /// The first ε in mean differences between a row's two least costs: measured best of 0.3 to 1,000
  /// where potentials are near, as in many dimensions or after a coarse start.
  private static let firstGaps = 1.0
  private static let epsilonFactor = 4.0
  /// ε is small enough once rows prefer what they bid for by so many times ε, on average.
  private static let lastGaps = 3.0
  /// Bids of a phase for each row or column after which pivots are quicker.
  private static let bidsEach = 40

  /// - Parameter v: where potentials start.
  init(_ a: [Double], _ b: [Double], potentials v: [Double]) {
    let total = Self.unitsEach * max(a.count, b.count)
    supply = Self.units(a, total: total)
    capacity = Self.units(b, total: total)
    left = supply
    room = capacity
    holders = Array(repeating: [], count: b.count)
    self.v = v
  }

  /// Masses as multiples of the total over `total`, exact in all.
  private static func units(_ masses: [Double], total: Int) -> [Int32] {
    let whole = CompensatedSum.of(masses)
    var sum = CompensatedSum()
    var before = 0
    return masses.indices.map { i in
      sum.add(masses[i])
      let share = min(1, max(0, sum.value / whole))
      let now = i + 1 == masses.count ? total : max(before, Int((share * Double(total)).rounded()))
      defer { before = now }
      return Int32(now - before)
    }
  }

  /// About 0.618 of a count, without a factor in common: its multiples visit all, far from each other.
  private static func stride(_ count: Int) -> Int {
    func factor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : factor(b, a % b) }
    var stride = max(1, count * 618 / 1000)
    while factor(stride, count) != 1 { stride += 1 }
    return stride
  }

  /// Bids until ε is small beside what rows prefer their columns by, or for long enough; gives who
  /// holds what.
  mutating func run(
    _ lists: inout CandidateLists, spread: Double
  ) throws(TransportError) -> [StartingTree.Arc] {
    guard supply.count > 1, v.count > 1, spread > 0 else { return [] }
    lists.refresh((0..<Int32(supply.count)).map { $0 }, minus: v)
    var gaps = 0.0
    for row in supply.indices {
      let choice = lists.freshChoice(row, minus: v.span)
      gaps += (choice.next - choice.value) / Double(supply.count)
    }
    let least = 1e-9 * spread
    var epsilon = max(1e-4 * spread, Self.firstGaps * gaps)
    while true {
      let phase = try phase(&lists, epsilon: epsilon)
      if !phase.isFinished || phase.gaps >= Self.lastGaps * epsilon || epsilon <= least { break }
      epsilon = max(epsilon / Self.epsilonFactor, least)
    }
    return holders.indices.flatMap { j in
      holders[j].map { StartingTree.Arc(row: Int($0.row), column: j, amount: Int($0.units)) }
    }
  }

  private mutating func phase(
    _ lists: inout CandidateLists, epsilon: Double
  ) throws(TransportError) -> (gaps: Double, isFinished: Bool) {
    left = supply
    room = capacity
    for j in holders.indices { holders[j].removeAll(keepingCapacity: true) }
    waiting.removeAll(keepingCapacity: true)
    // Rows may lie as their points do in space, and a phase may be cut off: each region has its turn.
    let stride = Self.stride(supply.count)
    for k in supply.indices {
      let i = k * stride % supply.count
      if supply[i] > 0 { waiting.append(Int32(i)) }
    }
    let bidsMost = Self.bidsEach * max(supply.count, v.count)
    let before = bids
    var gaps = 0.0
    while let row = waiting.popLast() {
      while left[Int(row)] > 0 {
        if bids - before == bidsMost { return (gaps / Double(max(1, bids - before)), false) }
        if bids & 1023 == 0 { try checkCancelled("network simplex") }
        let choice = lists.freshChoice(row, with: waiting, minus: v)
        let gap = choice.next - choice.value
        gaps += gap
        bids += 1
        take(choice.index, row: row, at: v[choice.index] - gap - epsilon)
      }
    }
    return (gaps / Double(max(1, bids - before)), true)
  }

  /// The row takes what it can of a column's units that are cheaper than its bid.
  private mutating func take(_ j: Int, row: Int32, at bid: Double) {
    var wanted = left[Int(row)]
    var taken = min(room[j], wanted)
    room[j] -= taken
    wanted -= taken
    while wanted > 0, room[j] == 0, let top = holders[j].first, top.v > bid {
      if top.row == row {
        // Its own units go up in price.
        taken += top.units
        dropTop(j)
        continue
      }
      let moved = min(top.units, wanted)
      if left[Int(top.row)] == 0 { waiting.append(top.row) }
      left[Int(top.row)] += moved
      wanted -= moved
      taken += moved
      if moved == top.units { dropTop(j) } else { holders[j][0].units -= moved }
    }
    left[Int(row)] = wanted
    if taken > 0 { insert(Holding(v: bid, row: row, units: taken), into: j) }
    // Free units keep the first price.
    if room[j] == 0, let top = holders[j].first { v[j] = min(v[j], top.v) }
  }

  private mutating func insert(_ holding: Holding, into j: Int) {
    holders[j].append(holding)
    var at = holders[j].count - 1
    while at > 0, holders[j][(at - 1) / 2].v < holders[j][at].v {
      holders[j].swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  private mutating func dropTop(_ j: Int) {
    let last = holders[j].removeLast()
    guard !holders[j].isEmpty else { return }
    holders[j][0] = last
    var at = 0
    while true {
      var most = at
      for below in [2 * at + 1, 2 * at + 2]
      where below < holders[j].count && holders[j][below].v > holders[j][most].v {
        most = below
      }
      if most == at { return }
      holders[j].swapAt(at, most)
      at = most
    }
  }
}
