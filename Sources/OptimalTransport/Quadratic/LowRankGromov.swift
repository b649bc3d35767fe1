// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// Gromov–Wasserstein, fused or not, through few middle points: the best coupling `Q diag(1/g) Rᵀ` of a
/// given rank, by mirror descent with Dykstra's projections (Scetbon, Peyré and Cuturi 2022).
///
/// A step takes O((n + m) rank (rank + d)) for points at squared Euclidean distances, of which no
/// matrix is formed, and O((n² + m²) rank) for distances given. Spaces are first matched by how far
/// their points lie from the others. The problem is not convex: the answer is a stationary point, its
/// cost an upper bound, and there is no dual.
public struct LowRankGromov: Sendable {
  /// The rank, at least 1.
  public var rank: Int
  /// How far a step may still go, as in `LowRankTransport`.
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

  /// A coupling in factors, and what proves it.
  public struct Solution: Sendable {
    /// The factors with their marginal errors; its `transportCost` is that of the last linearization.
    public let factors: LowRankTransport.Answer
    /// The objective `(1 − α) ⟨M, P⟩ + α Σ (A_ik − B_jl)² P_ij P_kl` at the factors.
    public let cost: Double

    /// Steps of descent.
    public var iterations: Int { factors.iterations }
    /// Whether the last step met the tolerance.
    public var isConverged: Bool { factors.isConverged }
  }

  /// Solves for distances given one by one.
  ///
  /// - Throws: `.badSetting`, `.unequalMass`, `.notConverged` (no state attached: ask for it with
  ///   `unfinished: .isReturned`), `.cancelled`.
  public func solve(_ problem: QuadraticProblem) throws(TransportError) -> Solution {
    let (n, m) = (problem.rowCount, problem.columnCount)
    let geometry: any CostGeometry
    if let costs = problem.costs {
      geometry = try DenseCost(costs, rows: n, columns: m)
    } else {
      geometry = try Self.nothing(n, m)
    }
    let live = LivePart(
      try LinearProblem(
        geometry, rowMasses: problem.rowMasses, columnMasses: problem.columnMasses))
    func part(_ distances: [Double], _ kept: [Int], _ count: Int) -> DistanceFactors {
      .dense(kept.flatMap { i in kept.map { distances[i * count + $0] } }, count: kept.count)
    }
    return try solve(
      live,
      LowRankRun.Pair(
        rows: part(problem.rowDistances, live.rows, n),
        columns: part(problem.columnDistances, live.columns, m), alpha: problem.alpha),
      costs: (1 - problem.alpha) * (problem.costs ?? []).reduce(0) { max($0, abs($1)) })
  }

  /// Solves for points at squared Euclidean distances; O(n + m) memory.
  ///
  /// - Parameters:
  ///   - rowMasses: `[n]`, at least 0; nil is equal masses.
  ///   - columnMasses: `[m]`, likewise; of the same total.
  /// - Throws: as for distances, and as `LinearProblem`.
  public func solve(
    _ sources: Points, _ targets: Points, rowMasses: [Double]? = nil,
    columnMasses: [Double]? = nil
  ) throws(TransportError) -> Solution {
    let live = LivePart(
      try LinearProblem(
        Self.nothing(sources.count, targets.count), rowMasses: rowMasses,
        columnMasses: columnMasses))
    return try solve(
      live,
      LowRankRun.Pair(
        rows: Self.factored(sources, live.rows), columns: Self.factored(targets, live.columns),
        alpha: 1),
      costs: 0)
  }

  /// No costs between the spaces.
  private static func nothing(_ n: Int, _ m: Int) throws(TransportError) -> LowRankCost {
    try LowRankCost(
      left: Array(repeating: 0, count: n), right: Array(repeating: 0, count: m), rank: 1)
  }

  /// About their mean: squares of far points would lose their differences.
  private static func factored(
    _ points: Points, _ kept: [Int]
  ) throws(TransportError) -> DistanceFactors {
    let d = points.dimensions
    var mean = [Double](repeating: 0, count: d)
    for i in kept {
      for k in 0..<d { mean[k] += points.coordinates[i * d + k] / Double(kept.count) }
    }
    let centered = try Points(
      kept.flatMap { i in (0..<d).map { points.coordinates[i * d + $0] - mean[$0] } },
      dimensions: d)
    return .factored(try LowRankCost(squaredEuclidean: centered, centered))
  }

  private func solve(
    _ live: LivePart, _ pair: LowRankRun.Pair, costs: Double
  ) throws(TransportError) -> Solution {
    guard rank > 0, tolerance > 0, tolerance.isFinite, stepsMax > 0 else {
      throw TransportError(
        .badSetting, "the rank is \(rank), the tolerance \(tolerance) and stepsMax \(stepsMax)",
        at: "low-rank gromov-wasserstein",
        remedy: "Give a rank of at least 1, and others above 0.")
    }
    let unit =
      4 * pair.alpha * pair.rows.magnitude * pair.columns.magnitude * live.problem.mass + costs
    guard unit <= CostRange.magnitudeLimit else {
      throw TransportError(
        .badCost, "products of distances reach \(unit)", at: "low-rank gromov-wasserstein",
        remedy: "Scale the distances down.")
    }
    func order(_ factors: DistanceFactors, _ masses: [Double]) -> [Int] {
      let means = factors.product(masses, width: 1)
      return masses.indices.sorted { (means[$0], $0) < (means[$1], $1) }
    }
    var run = try LowRankRun(
      live, rank: min(rank, live.a.count, live.b.count), unit: unit, pair: pair,
      order: (order(pair.rows, live.a), order(pair.columns, live.b)))
    var isConverged = false
    var steps = 0
    while !isConverged, steps < stepsMax {
      try checkCancelled("low-rank gromov-wasserstein")
      steps += 1
      isConverged = try run.step() <= tolerance
    }
    guard isConverged || unfinished == .isReturned else {
      throw TransportError(
        .notConverged, "after \(steps) steps the factors still move by more than \(tolerance)",
        at: "low-rank gromov-wasserstein",
        remedy: "Raise stepsMax or tolerance, or ask for the state.")
    }
    return Solution(factors: run.answer(steps, isConverged), cost: run.objective())
  }
}
