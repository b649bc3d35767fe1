// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Prices near those of the best assignment: Gauss–Seidel auction with ε-scaling (Bertsekas 1988).
///
/// A start for an exact solver, and nothing more: whatever the prices, the finish is exact. So it
/// may stop at any time, and does where rows outbid each other without end.
struct Auction {
  /// Potentials of the columns, the negated prices: a column bid for falls.
  private(set) var v: [Double]
  private var owner: [Int32]
  private var waiting: [Int32]
  private let firstGaps: Double

  /// From one ε to the next.
  private static let epsilonFactor = 6.0
  /// The first ε, in mean differences between a row's two least costs: measured best of 10, 30 and
  /// 100 for uniform points in 2 dimensions, where a quarter of the mean cost reads rows twice as
  /// often.
  private static let firstGaps = 30.0
  /// The same from potentials of a problem that differs little.
  private static let firstGapsNear = 1.0
  /// ε is small enough once rows prefer what they bid for by so many times ε, on average.
  private static let lastGaps = 3.0
  /// Above so many mean gaps, ε outdates every list.
  private static let fewGaps = 8.0
  /// Bids a row and phase, on average, after which no more is gained by bidding.
  private static let bidsEach = 40

  /// - Parameter potentials: those of a problem that differs little; nil is none known.
  init(columns: Int, potentials: [Double]? = nil) {
    v = potentials ?? [Double](repeating: 0, count: columns)
    firstGaps = potentials == nil ? Self.firstGaps : Self.firstGapsNear
    owner = [Int32](repeating: -1, count: columns)
    waiting = []
  }

  /// Bids until ε is small beside what rows prefer their columns by; gives the count of bids.
  mutating func run(_ lists: inout CandidateLists, range: CostRange) throws(TransportError) -> Int {
    let n = v.count
    let spread = range.mean - range.least
    guard n > 1, spread > 0 else { return 0 }
    lists.refresh((0..<Int32(n)).map { $0 }, minus: v)
    var gaps = 0.0
    for row in 0..<n {
      let choice = lists.freshChoice(row, minus: v.span)
      gaps += (choice.next - choice.value) / Double(n)
    }
    let least = 1e-9 * spread
    lists.hold(few: false)
    var epsilon = max(least, min(spread / 4, firstGaps * gaps))
    var bids = 0
    while true {
      lists.hold(few: epsilon > Self.fewGaps * gaps)
      let phase = try phase(&lists, epsilon: epsilon)
      bids += phase.bids
      gaps = phase.gaps
      guard phase.isFinished else { return bids }
      if phase.gaps >= Self.lastGaps * epsilon || epsilon <= least { return bids }
      epsilon = max(epsilon / Self.epsilonFactor, least)
    }
  }

  private mutating func phase(
    _ lists: inout CandidateLists, epsilon: Double
  ) throws(TransportError) -> (bids: Int, gaps: Double, isFinished: Bool) {
    let n = v.count
    for j in 0..<n { owner[j] = -1 }
    waiting.removeAll(keepingCapacity: true)
    for i in stride(from: n - 1, through: 0, by: -1) { waiting.append(Int32(i)) }
    var bids = 0
    var gaps = 0.0
    while let row = waiting.popLast() {
      if bids == Self.bidsEach * n { return (bids, gaps / Double(bids), false) }
      if bids & 1023 == 0 { try checkCancelled("assignment") }
      let choice = lists.freshChoice(row, with: waiting, minus: v)
      let j = choice.index
      let gap = choice.next - choice.value
      gaps += gap
      v[j] -= gap + epsilon
      if owner[j] >= 0 { waiting.append(owner[j]) }
      owner[j] = row
      bids += 1
    }
    return (bids, gaps / Double(max(1, bids)), true)
  }
}
