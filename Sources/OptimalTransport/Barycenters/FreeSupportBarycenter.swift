// SPDX-License-Identifier: Apache-2.0

/// Weighted points.
public struct PointMeasure: Sendable, Equatable {
  /// `[n, d]`.
  public let points: Points
  /// `[n]`, 1 in all.
  public let masses: [Double]

  /// - Parameter masses: `[n]`, at least 0, scaled to 1; nil is equal masses.
  /// - Throws: `.shapeMismatch`, `.badMass`.
  public init(_ points: Points, masses: [Double]? = nil) throws(TransportError) {
    self.points = points
    guard let masses else {
      self.masses = Array(repeating: 1 / Double(points.count), count: points.count)
      return
    }
    let total = try LinearProblem.total(masses, count: points.count, side: "row")
    self.masses = masses.map { $0 / total }
  }
}

/// Points whose mean squared distance W₂² to other measures is least: each goes to the mean of where
/// its mass goes, again and again (Cuturi and Doucet 2014, algorithm 2).
///
/// The objective never rises; what is found is a point that no such step improves, and depends on
/// the start, as the problem is not convex in the points.
public struct FreeSupportBarycenter: Sendable {
  /// How couplings are found.
  public enum Solver: Sendable {
    /// Exactly.
    case exact
    /// With entropy.
    case entropic(Sinkhorn)
  }

  /// How couplings are found.
  public var solver: Solver
  /// A step that moves the points by less than this on average, in units of their spread, is the last.
  public var tolerance: Double
  /// How many steps are made at most.
  public var iterationsMax: Int

  public init(solver: Solver = .exact, tolerance: Double = 1e-7, iterationsMax: Int = 200) {
    self.solver = solver
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
  }

  /// The barycenter, and how good it is.
  public struct Solution: Sendable {
    /// The points, with the masses of the start.
    public let measure: PointMeasure
    /// `Σ λ_k W₂²` at the points, couplings solved again there; with entropy `Σ λ_k ⟨C, P_k⟩`.
    public let cost: Double
    /// The same after each step, before its points moved.
    public let costs: [Double]
    /// Steps.
    public let iterations: Int
  }

  /// - Parameters:
  ///   - measures: at least one, all of one dimension count.
  ///   - weights: λ, one for each, at least 0; nil is equal weights.
  ///   - start: the first points, and the masses, which stay.
  /// - Throws: `.shapeMismatch`, `.badMass`, `.badSetting`; `.notConverged` at the limit of steps; else as the
  ///   solver.
  public func solve(
    _ measures: [PointMeasure], weights: [Double]? = nil, start: PointMeasure
  ) throws(TransportError) -> Solution {
    guard !measures.isEmpty else {
      throw TransportError(
        .shapeMismatch, "there are no measures", at: "barycenter", remedy: "Give at least one.")
    }
    try checkTolerance(tolerance, at: "barycenter")
    let given = weights ?? Array(repeating: 1, count: measures.count)
    let sum = try LinearProblem.total(given, count: measures.count, side: "measure")
    let d = start.points.dimensions
    var points = start.points
    var costs: [Double] = []
    for step in 1...max(1, iterationsMax) {
      try checkCancelled("barycenter")
      var next = [Double](repeating: 0, count: points.coordinates.count)
      var cost = 0.0
      for (measure, weight) in zip(measures, given) where weight > 0 {
        let problem = try LinearProblem(
          PointCloud(points, measure.points), rowMasses: start.masses,
          columnMasses: measure.masses)
        let solution = try solve(problem)
        cost += weight / sum * solution.transportCost
        for k in 0..<d {
          let column = (0..<measure.points.count).map { measure.points.coordinates[$0 * d + k] }
          let image = try solution.coupling.applied(to: column)
          for i in 0..<points.count {
            // A point without mass stays.
            next[i * d + k] +=
              weight / sum
              * (start.masses[i] > 0 ? image[i] / start.masses[i] : points.coordinates[i * d + k])
          }
        }
      }
      var moved = 0.0
      for i in 0..<points.count {
        for k in 0..<d {
          let by = next[i * d + k] - points.coordinates[i * d + k]
          moved += start.masses[i] * by * by
        }
      }
      costs.append(cost)
      // By how much the step makes the objective less, at least.
      if moved <= tolerance * tolerance * max(cost, spread(measures, given, sum)) {
        return Solution(
          measure: try PointMeasure(points, masses: start.masses), cost: cost, costs: costs,
          iterations: step)
      }
      points = try Points(next, dimensions: d)
    }
    throw TransportError(
      .notConverged, "after \(iterationsMax) steps the points still move", at: "barycenter",
      remedy: "Raise iterationsMax or tolerance.")
  }

  private func solve(_ problem: LinearProblem) throws(TransportError) -> TransportSolution {
    switch solver {
    case .exact: try NetworkSimplex().solve(problem)
    case .entropic(let sinkhorn): try sinkhorn.solve(problem)
    }
  }

  /// The mean squared distance of the measures' points from their own mean.
  private func spread(_ measures: [PointMeasure], _ weights: [Double], _ sum: Double) -> Double {
    var spread = 0.0
    for (measure, weight) in zip(measures, weights) {
      let d = measure.points.dimensions
      for k in 0..<d {
        var mean = 0.0
        var square = 0.0
        for i in measure.masses.indices {
          let value = measure.points.coordinates[i * d + k]
          mean += measure.masses[i] * value
        }
        for i in measure.masses.indices {
          let value = measure.points.coordinates[i * d + k] - mean
          square += measure.masses[i] * value * value
        }
        spread += weight / sum * square
      }
    }
    return spread
  }
}
