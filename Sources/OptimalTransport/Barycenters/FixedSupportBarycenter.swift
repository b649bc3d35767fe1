// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// The measure on given points with the least mean entropic cost to other measures on them.
///
/// Iterative Bregman projections (Benamou et al. 2015, section 3.2): minimizes
/// `Σ λ_k (⟨C, P_k⟩ + ε Σ P_k (log P_k − 1))` over couplings `P_k` of the measures with one common
/// other marginal. Scaling, and logarithms from where a kernel vanishes.
public struct FixedSupportBarycenter: Sendable {
  /// ε > 0, in the unit of cost.
  public var epsilon: Double
  /// How far the couplings may be from the measures, L1, on the weighted mean, for masses of 1: above 0
  /// and below 2.
  public var tolerance: Double
  /// How many iterations are made at most.
  public var iterationsMax: Int
  /// How many threads share out the measures; the result is the same bits for every count.
  public var threads: Threads

  public init(
    epsilon: Double, tolerance: Double = 1e-6, iterationsMax: Int = 10_000,
    threads: Threads = .cores
  ) {
    self.epsilon = epsilon
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
    self.threads = threads
  }

  /// The barycenter, and what proves it.
  public struct Solution: Sendable {
    /// `[n]`, 1 in all.
    public let masses: [Double]
    /// Primal and dual of the weighted mean with its entropy; the marginal errors are the weighted
    /// means of those of the couplings, in `rowError`.
    public let certificate: Certificate
    /// Iterations, of one product with the kernel and one with its transpose for each measure.
    public let iterations: Int
  }

  /// Of measures on the points of a geometry, whose costs are symmetric.
  ///
  /// - Parameters:
  ///   - measures: each `[n]`, at least 0; each is scaled to 1.
  ///   - weights: λ, one for each, at least 0; nil is equal weights.
  /// - Throws: `.shapeMismatch`, `.badMass`, `.badCost`, `.badSetting`, `.notConverged`,
  ///   `.cancelled`.
  public func solve(
    _ geometry: any CostGeometry, measures: [[Double]], weights: [Double]? = nil
  ) throws(TransportError) -> Solution {
    guard geometry.rowCount == geometry.columnCount else {
      throw TransportError(
        .shapeMismatch, "\(geometry.rowCount) rows and \(geometry.columnCount) columns",
        at: "barycenter", remedy: "Give the costs between the points of one support.")
    }
    let range = try CostRange(of: geometry)
    try check(magnitude: range.magnitude)
    return try solve(DenseKernel(geometry, epsilon: epsilon), measures, weights)
  }

  /// Of pictures on a grid, at squared Euclidean cost: one product along each axis instead of one
  /// with all pairs.
  ///
  /// - Parameters:
  ///   - pictures: each `[rows, columns]`, row after row, at least 0; each is scaled to 1.
  ///   - spacing: the distance of neighbors; nil makes the longer side 1.
  ///   - weights: λ, one for each, at least 0; nil is equal weights.
  /// - Throws: as for a geometry.
  public func solve(
    pictures: [[Double]], rows: Int, columns: Int, spacing: Double? = nil,
    weights: [Double]? = nil
  ) throws(TransportError) -> Solution {
    let (_, overflow) = rows.multipliedReportingOverflow(by: columns)
    let step = spacing ?? 1 / Double(max(rows, columns, 2) - 1)
    guard rows > 0, columns > 0, !overflow, step > 0, step.isFinite else {
      throw TransportError(
        .badSetting, "\(rows) rows and \(columns) columns, \(step) apart", at: "barycenter",
        remedy: "Give a grid of at least one point and a spacing above 0.")
    }
    let reach = step * Double(max(rows, columns))
    try check(magnitude: 2 * reach * reach)
    return try solve(
      GridKernel(rows: rows, columns: columns, spacing: step, epsilon: epsilon), pictures,
      weights)
  }

  private func check(magnitude: Double) throws(TransportError) {
    try checkMarginalTolerance(tolerance, at: "barycenter")
    try checkEntropy(epsilon, costs: magnitude, at: "barycenter")
  }

  private func solve(
    _ kernel: some SmoothingKernel, _ measures: [[Double]], _ weights: [Double]?
  ) throws(TransportError) -> Solution {
    guard !measures.isEmpty else {
      throw TransportError(
        .shapeMismatch, "there are no measures", at: "barycenter", remedy: "Give at least one.")
    }
    var scaled: [[Double]] = []
    for measure in measures {
      let total = try LinearProblem.total(measure, count: kernel.count, side: "row")
      scaled.append(measure.map { $0 / total })
    }
    let given = weights ?? Array(repeating: 1, count: measures.count)
    let sum = try LinearProblem.total(given, count: measures.count, side: "measure")
    var projections = BregmanProjections(
      kernel, scaled, given.map { $0 / sum }, epsilon: epsilon, threads: threads)
    for _ in 0..<max(1, iterationsMax) {
      try checkCancelled("barycenter")
      if projections.iterate() <= tolerance { return projections.solution }
    }
    throw TransportError(
      .notConverged,
      "after \(iterationsMax) iterations the marginal error is \(projections.error);"
        + " \(tolerance) was asked for",
      at: "barycenter, epsilon \(epsilon)", remedy: "Raise iterationsMax, epsilon or tolerance.")
  }
}
