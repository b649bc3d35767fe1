// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Transport through few middle points: the cheapest coupling `Q diag(1/g) Rᵀ` of a given rank, by
/// mirror descent with Dykstra's projections (Scetbon, Cuturi and Peyré 2021, algorithms 2 and 3).
///
/// O((n + m) rank) a step where costs are a `LowRankCost` or squared Euclidean, O(nm rank) else. The
/// problem is not convex: the answer is a stationary point, its cost an upper bound, and there is no
/// dual.
public struct LowRankTransport: Sendable {
  /// The rank, at least 1.
  public var rank: Int
  /// How far a step may still go: the change of the factors (Kullback–Leibler, both ways) over the
  /// step's length squared.
  public var tolerance: Double
  /// How many steps of descent are made at most.
  public var stepsMax: Int
  /// What happens at `stepsMax`.
  public var unfinished: Unfinished

  /// A solver for a rank.
  public init(
    rank: Int, tolerance: Double = 1e-7, stepsMax: Int = 2000, unfinished: Unfinished = .fails
  ) {
    self.rank = rank
    self.tolerance = tolerance
    self.stepsMax = stepsMax
    self.unfinished = unfinished
  }

  /// A coupling in factors.
  public struct Answer: Sendable {
    /// How mass goes from rows to the middle points, `[n, rank]`.
    public let left: [Double]
    /// How it goes from columns, `[m, rank]`.
    public let right: [Double]
    /// The mass of each middle point, `[rank]`.
    public let middle: [Double]
    /// `⟨C, P⟩`: no less than the cheapest coupling's.
    public let transportCost: Double
    /// `‖P 1 − a‖₁` and `‖Pᵀ 1 − b‖₁`.
    public let rowError: Double
    public let columnError: Double
    /// Steps of descent.
    public let iterations: Int
    /// Whether the last step met the tolerance.
    public let isConverged: Bool

    /// `P x`, `[n]`, of a vector `x: [m]`; O((n + m) rank).
    ///
    /// - Throws: `.shapeMismatch` where `x` has another count.
    public func applied(to x: [Double]) throws(TransportError) -> [Double] {
      let rank = middle.count
      guard x.count * rank == right.count else {
        throw TransportError(
          .shapeMismatch, "a vector of \(x.count) for \(right.count / rank) columns",
          at: "low-rank coupling", remedy: "Give one number for each of the columns.")
      }
      var through = Factors.transposed(right, rank, x)
      for k in 0..<rank { through[k] /= middle[k] }
      return Factors.product(left, rank, through)
    }
  }

  /// Solves the problem.
  ///
  /// - Throws: `.badSetting` for settings out of range; `.badCost`; `.notConverged` (no state
  ///   attached: ask for it with `unfinished: .isReturned`), `.cancelled`.
  public func solve(_ problem: LinearProblem) throws(TransportError) -> Answer {
    guard rank > 0, tolerance > 0, tolerance.isFinite, stepsMax > 0 else {
      throw TransportError(
        .badSetting, "the rank is \(rank), the tolerance \(tolerance) and stepsMax \(stepsMax)",
        at: "low-rank transport", remedy: "Give a rank of at least 1, and others above 0.")
    }
    let range = try CostRange(of: problem.geometry)
    let live = LivePart(problem)
    var run = try LowRankRun(live, rank: min(rank, live.a.count, live.b.count), range: range)
    var isConverged = false
    var steps = 0
    while !isConverged, steps < stepsMax {
      try checkCancelled("low-rank transport")
      steps += 1
      isConverged = try run.step() <= tolerance
    }
    guard isConverged || unfinished == .isReturned else {
      throw TransportError(
        .notConverged, "after \(steps) steps the factors still move by more than \(tolerance)",
        at: "low-rank transport", remedy: "Raise stepsMax or tolerance, or ask for the state.")
    }
    return run.answer(steps, isConverged)
  }
}

/// Products with matrices of few columns, row after row.
enum Factors {
  /// `X y`, one number for each row of `X: [n, rank]`.
  static func product(_ x: [Double], _ rank: Int, _ y: [Double]) -> [Double] {
    (0..<x.count / rank).map { i in
      var sum = 0.0
      for k in 0..<rank { sum += x[i * rank + k] * y[k] }
      return sum
    }
  }

  /// `Xᵀ y`, `[rank]`.
  static func transposed(_ x: [Double], _ rank: Int, _ y: [Double]) -> [Double] {
    var sums = [Double](repeating: 0, count: rank)
    for i in y.indices {
      for k in 0..<rank { sums[k] += x[i * rank + k] * y[i] }
    }
    return sums
  }
}
