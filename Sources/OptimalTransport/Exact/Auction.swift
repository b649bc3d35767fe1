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

  /// ε falls by this factor from a quarter of the mean cost to a hundredth of the mean least cost
  /// of a row; measured best in a prototype (uniform points, n = 1,000 to 5,000, 2-D and 10-D).
  private static let epsilonFactor = 6.0
  /// Bids a row and phase, on average, after which no more is gained by bidding.
  private static let bidsEach = 40

  init(columns: Int) {
    v = [Double](repeating: 0, count: columns)
    owner = [Int32](repeating: -1, count: columns)
    waiting = []
  }

  /// Bids until ε is at its end; gives the count of bids.
  mutating func run(
    _ source: inout RowSource, _ lists: inout CandidateLists, range: CostRange
  ) throws(TransportError) -> Int {
    let n = v.count
    let spread = range.mean - range.least
    guard n > 1, spread > 0 else { return 0 }
    let last = max(0.01 * (range.meanRowLeast - range.least), 1e-7 * spread)
    var epsilon = spread / 4
    var bids = 0
    while true {
      let (count, finished) = try phase(&source, &lists, epsilon: epsilon)
      bids += count
      if !finished || epsilon <= last { return bids }
      epsilon = max(epsilon / Self.epsilonFactor, last)
    }
  }

  private mutating func phase(
    _ source: inout RowSource, _ lists: inout CandidateLists, epsilon: Double
  ) throws(TransportError) -> (bids: Int, finished: Bool) {
    let n = v.count
    for j in 0..<n { owner[j] = -1 }
    waiting.removeAll(keepingCapacity: true)
    for i in stride(from: n - 1, through: 0, by: -1) { waiting.append(Int32(i)) }
    var bids = 0
    while let row = waiting.popLast() {
      if bids == Self.bidsEach * n { return (bids, false) }
      if bids & 1023 == 0 { try checkCancelled("assignment") }
      let (j, best, next) = lists.twoLeast(Int(row), minus: v.span, &source)
      v[j] -= next - best + epsilon
      if owner[j] >= 0 { waiting.append(owner[j]) }
      owner[j] = row
      bids += 1
    }
    return (bids, true)
  }
}

/// Throws where the task that runs the solver was cancelled.
func checkCancelled(_ solver: String) throws(TransportError) {
  if Task.isCancelled {
    throw TransportError(
      .cancelled, "the task was cancelled", at: solver, remedy: "Run it again if it is wanted.")
  }
}
