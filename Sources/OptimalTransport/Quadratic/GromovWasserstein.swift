// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

/// Gromov–Wasserstein and its fused and partial forms by conditional gradient: each step solves an
/// exact linear problem and goes towards it as far as is best (Vayer et al. 2019, algorithm 1;
/// partial: Chapel, Alaya and Gasso 2020).
///
/// The problem is not convex. What is proven is that the coupling is stationary: `gap` says how much
/// any coupling could gain to first order. Other starts may end elsewhere.
public struct GromovWasserstein: Sendable {
  /// The gap to reach, as a share of the objective's scale.
  public var tolerance: Double
  /// How many steps are made at most.
  public var iterationsMax: Int
  /// The mass to move, at most what either side has; nil moves all.
  public var mass: Double?

  public init(tolerance: Double = 1e-9, iterationsMax: Int = 2_000, mass: Double? = nil) {
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
    self.mass = mass
  }

  /// The coupling found, and what proves it.
  public struct Solution: Sendable {
    /// Every entry.
    public let coupling: DenseCoupling
    /// The objective; its square root is the distance where α is 1 and distances are such.
    public let cost: Double
    /// By how much the objective could fall at most, were it linear: 0 or nearly so at a stationary
    /// coupling.
    public let gap: Double
    /// The objective before each step.
    public let costs: [Double]
    /// Steps.
    public let iterations: Int
  }

  /// Solves from a coupling, or from the product of the masses.
  ///
  /// - Parameter start: `[n, m]`, with the right marginals to 1e-6; nil is the product.
  /// - Throws: `.unequalMass` for totals that differ where all is to move, `.badMass`, `.badSetting`,
  ///   `.shapeMismatch`, `.notConverged`, `.cancelled`.
  public func solve(
    _ problem: QuadraticProblem, start: [Double]? = nil
  ) throws(TransportError) -> Solution {
    guard tolerance > 0, tolerance.isFinite, iterationsMax > 0 else {
      throw TransportError(
        .badSetting, "the tolerance is \(tolerance) and iterationsMax \(iterationsMax)",
        at: "gromov-wasserstein", remedy: "Give both above 0.")
    }
    var linear = try LinearSteps(problem, mass: mass)
    let objective = QuadraticObjective(problem)
    var coupling =
      try start.map { (given) throws(TransportError) in
        try linear.checked(given)
      } ?? linear.product
    var loss = objective.loss(coupling)
    var costs: [Double] = []
    let scale = max(problem.magnitude * linear.moved, .leastNormalMagnitude)
    for step in 1...iterationsMax {
      try checkCancelled("gromov-wasserstein")
      let gradient = objective.gradient(loss)
      let vertex = try linear.best(gradient)
      let vertexLoss = objective.loss(vertex)
      // The direction is the vertex minus the coupling.
      var direction = coupling.map { -$0 }
      for k in vertex.rows.indices {
        direction[vertex.rows[k] * problem.columnCount + vertex.columns[k]] += vertex.masses[k]
      }
      var slope = CompensatedSum()
      var curvature = CompensatedSum()
      for k in direction.indices {
        slope.add(gradient[k] * direction[k])
        curvature.add(problem.alpha * (vertexLoss[k] - loss[k]) * direction[k])
      }
      let cost = objective.value(coupling, loss)
      costs.append(cost)
      let gap = max(0, -slope.value)
      if gap <= tolerance * scale {
        return Solution(
          coupling: DenseCoupling(
            rowCount: problem.rowCount, columnCount: problem.columnCount, masses: coupling),
          cost: cost, gap: gap, costs: costs, iterations: step)
      }
      // f(P + t D) = f(P) + t slope + t² curvature.
      let length =
        curvature.value > 0 ? min(1, gap / (2 * curvature.value)) : 1
      for k in coupling.indices {
        coupling[k] = max(0, coupling[k] + length * direction[k])
        loss[k] += length * (vertexLoss[k] - loss[k])
      }
    }
    throw TransportError(
      .notConverged, "after \(iterationsMax) steps the objective is \(costs.last!)",
      at: "gromov-wasserstein", remedy: "Raise iterationsMax or tolerance.")
  }
}

/// The linear problems of the steps.
private struct LinearSteps {
  private let problem: QuadraticProblem
  private let isAssignment: Bool
  /// The mass that moves; nil is all of it.
  private let part: Double?
  /// The column potentials of the last assignment: the next one's are near.
  private var potentials: [Double]?
  let moved: Double

  init(_ problem: QuadraticProblem, mass: Double?) throws(TransportError) {
    self.problem = problem
    part = mass
    let totals = (CompensatedSum.of(problem.rowMasses), CompensatedSum.of(problem.columnMasses))
    if let mass {
      guard mass > 0, mass <= min(totals.0, totals.1) * (1 + 1e-9) else {
        throw TransportError(
          .badMass, "\(mass) is to move, of \(totals.0) in rows and \(totals.1) in columns",
          at: "gromov-wasserstein",
          remedy: "Give a mass above 0, and no more than both sides have.")
      }
      moved = mass
      isAssignment = false
      return
    }
    guard abs(totals.0 - totals.1) <= LinearProblem.totalsTolerance * max(totals.0, totals.1)
    else {
      throw TransportError(
        .unequalMass, "rows have a mass of \(totals.0) and columns of \(totals.1)",
        at: "gromov-wasserstein", remedy: "Scale one side, or give the mass to move.")
    }
    moved = totals.0
    let each = totals.0 / Double(problem.rowCount)
    isAssignment =
      problem.rowCount == problem.columnCount
      && (problem.rowMasses + problem.columnMasses).allSatisfy { abs($0 - each) <= 1e-13 * each }
  }

  /// The product of the masses, of the right total.
  var product: [Double] {
    let total = CompensatedSum.of(problem.columnMasses)
    let share = moved / CompensatedSum.of(problem.rowMasses) / total
    return problem.rowMasses.flatMap { a in problem.columnMasses.map { a * $0 * share } }
  }

  func checked(_ start: [Double]) throws(TransportError) -> [Double] {
    let (n, m) = (problem.rowCount, problem.columnCount)
    guard start.count == n * m else {
      throw TransportError(
        .shapeMismatch, "\(start.count) entries for \(n) rows and \(m) columns", at: "start",
        remedy: "Give rows × columns of them.")
    }
    var rows = [Double](repeating: 0, count: n)
    var columns = [Double](repeating: 0, count: m)
    for k in start.indices {
      guard start[k] >= 0, start[k].isFinite else {
        throw TransportError(
          .badMass, "the entry is \(start[k])", at: "start, row \(k / m), column \(k % m)",
          remedy: "Entries must be finite and at least 0.")
      }
      rows[k / m] += start[k]
      columns[k % m] += start[k]
    }
    let missed = zip(rows + columns, problem.rowMasses + problem.columnMasses).reduce(0) {
      max($0, part == nil ? abs($1.0 - $1.1) : $1.0 - $1.1)
    }
    guard missed <= 1e-6 * moved, abs(CompensatedSum.of(rows) - moved) <= 1e-6 * moved else {
      throw TransportError(
        .badMass, "its marginals miss the masses by \(missed)", at: "start",
        remedy: "Give a coupling of the masses.")
    }
    return start
  }

  /// The coupling that is cheapest at the present gradient.
  mutating func best(_ gradient: [Double]) throws(TransportError) -> SparseCoupling {
    let costs = try DenseCost(gradient, rows: problem.rowCount, columns: problem.columnCount)
    if let part {
      return try PartialTransport(mass: part).solve(
        costs, rowMasses: problem.rowMasses, columnMasses: problem.columnMasses
      ).coupling
    }
    let linear = try LinearProblem(
      costs, rowMasses: problem.rowMasses, columnMasses: problem.columnMasses)
    let solution =
      isAssignment
      ? try Assignment(threads: .one).solve(linear, near: potentials)
      : try NetworkSimplex().solve(linear)
    potentials = solution.columnPotentials
    guard case .sparse(let coupling) = solution.coupling else {
      preconditionFailure("an exact coupling is sparse")
    }
    return coupling
  }
}
