// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Entropic transport whose targets take their mass from few groups of sources: minimizes
/// `⟨C, P⟩ + ε KL(P ‖ a bᵀ) + η Σ_j Σ_group ‖P[group, j]‖₂` over couplings (group lasso; Courty,
/// Flamary, Tuia and Rakotomamonjy 2016, section 4.1, where groups are classes of labeled sources).
///
/// Conditional gradients that keep the entropy whole (Bredies, Lorenz and Maass 2009): each step solves
/// an entropic problem at the norms' slope and goes towards its coupling as far as is best. The problem
/// is convex, and each step's dual bounds it from below: the certificate's gap is one to the optimum.
public struct GroupLassoTransport: Sendable {
  /// Solves each linearized problem; its strength is ε.
  public var sinkhorn: Sinkhorn
  /// η ≥ 0, in the unit of cost.
  public var groupStrength: Double
  /// The gap to reach, as a share of the objective's scale.
  public var tolerance: Double
  /// How many linearized problems are solved at most.
  public var stepsMax: Int
  /// What happens at `stepsMax`.
  public var unfinished: Unfinished

  public init(
    _ sinkhorn: Sinkhorn, groupStrength: Double, tolerance: Double = 1e-6, stepsMax: Int = 500,
    unfinished: Unfinished = .fails
  ) {
    self.sinkhorn = sinkhorn
    self.groupStrength = groupStrength
    self.tolerance = tolerance
    self.stepsMax = stepsMax
    self.unfinished = unfinished
  }

  /// The coupling, and how its targets take from groups.
  public struct Answer: Sendable {
    /// Coupling (dense), potentials of the last linearized problem, and certificate; primal and dual
    /// include both terms.
    public let solution: TransportSolution
    /// `Σ_j Σ_group ‖P[group, j]‖₂`, without η.
    public let groupNorms: Double
    /// The share of each target's mass that its greatest group brings, weighted by the targets' mass:
    /// 1 where no target mixes groups.
    public let purity: Double
  }

  private static let halvings = 30

  /// Solves the problem.
  ///
  /// - Parameter groups: each row's group, `[n]`, any numbers; rows below 0 are in none.
  /// - Throws: `.shapeMismatch` for groups that do not fit, `.badSetting`, `.notConverged` (the state
  ///   reached attached); else as `Sinkhorn`.
  /// - Complexity: a Sinkhorn solve and O(nm) a step; O(nm) memory.
  public func solve(_ problem: LinearProblem, groups: [Int]) throws(TransportError) -> Answer {
    let (n, m) = (problem.rowMasses.count, problem.columnMasses.count)
    guard groups.count == n else {
      throw TransportError(
        .shapeMismatch, "\(groups.count) groups for \(n) rows", at: "group-lasso transport",
        remedy: "Give one group for each row, below 0 for none.")
    }
    guard groupStrength >= 0, groupStrength.isFinite, tolerance > 0, tolerance.isFinite,
      stepsMax > 0
    else {
      throw TransportError(
        .badSetting,
        "the group strength is \(groupStrength), the tolerance \(tolerance) and stepsMax \(stepsMax)",
        at: "group-lasso transport",
        remedy: "Give a finite strength of at least 0, and others above 0.")
    }
    let range = try CostRange(of: problem.geometry, threads: sinkhorn.threads)
    let epsilon = try sinkhorn.epsilon(for: range)
    var solver = sinkhorn
    solver.strength = .epsilon(epsilon)
    let objective = GroupObjective(
      problem, costs: try DenseCost(copying: problem.geometry).costs, groups: groups,
      epsilon: epsilon, strength: groupStrength)
    var coupling = objective.product
    var last: TransportSolution?
    var (primal, dual) = (objective.value(coupling), -Double.infinity)
    var steps = 0
    while steps < stepsMax {
      try checkCancelled("group-lasso transport", error: primal - dual)
      steps += 1
      let slope = objective.slope(coupling)
      let linear = try solver.solve(
        LinearProblem(
          DenseCost(zip(objective.costs, slope).map { $0 + $1 }, rows: n, columns: m),
          rowMasses: problem.rowMasses, columnMasses: problem.columnMasses))
      // Norms lie above their tangents, and tangents of norms go through 0.
      dual = max(dual, linear.certificate.dual)
      last = linear
      solver.initial = linear.potentials
      let scale = max(abs(primal), abs(dual), .leastNormalMagnitude)
      if primal - dual <= tolerance * scale { break }
      let way = zip(linear.coupling.dense().masses, coupling).map { $0 - $1 }
      guard let length = length(objective, coupling, way) else { break }
      for k in coupling.indices { coupling[k] = max(0, coupling[k] + length * way[k]) }
      primal = objective.value(coupling)
    }
    return try answer(objective, coupling, last!, primal: primal, dual: dual, steps: steps)
  }

  /// How far to go, at most all the way; nil where nothing falls.
  private func length(
    _ objective: GroupObjective, _ coupling: [Double], _ way: [Double]
  ) -> Double? {
    func slope(_ length: Double) -> Double {
      objective.slope(zip(coupling, way).map { max(0, $0 + length * $1) }, along: way)
    }
    if slope(1) <= 0 { return 1 }
    var (low, high) = (0.0, 1.0)
    for _ in 0..<Self.halvings {
      let middle = (low + high) / 2
      if slope(middle) <= 0 { low = middle } else { high = middle }
    }
    return low > 0 ? low : nil
  }

  private func answer(
    _ objective: GroupObjective, _ coupling: [Double], _ linear: TransportSolution, primal: Double,
    dual: Double, steps: Int
  ) throws(TransportError) -> Answer {
    let problem = objective.problem
    let (n, m) = (problem.rowMasses.count, problem.columnMasses.count)
    var rows = [Double](repeating: 0, count: n)
    var columns = [Double](repeating: 0, count: m)
    for i in 0..<n {
      for j in 0..<m {
        rows[i] += coupling[i * m + j]
        columns[j] += coupling[i * m + j]
      }
    }
    let certificate = Certificate(
      primal: primal, dual: dual, coupled: rows, columns, problem: problem.rowMasses,
      problem.columnMasses)
    let solution = TransportSolution(
      coupling: .dense(DenseCoupling(rowCount: n, columnCount: m, masses: coupling)),
      rowPotentials: linear.rowPotentials, columnPotentials: linear.columnPotentials,
      transportCost: CompensatedSum.of(coupling, times: objective.costs),
      certificate: certificate, iterations: steps,
      isConverged: certificate.gap
        <= tolerance * max(abs(primal), abs(dual), .leastNormalMagnitude))
    return Answer(
      solution: try solution.settled(
        unfinished, solver: "group-lasso transport",
        tolerance: "a gap of \(tolerance) of the objective",
        remedy: "Raise stepsMax, the entropy or tolerance, or take the best state from the error."),
      groupNorms: objective.norms(coupling), purity: objective.purity(coupling))
  }
}

/// The objective of group-lasso transport at dense couplings.
private struct GroupObjective {
  let problem: LinearProblem
  let costs: [Double]
  let epsilon: Double
  let strength: Double
  /// Rows of each group.
  private let members: [[Int]]
  private let m: Int
  /// `a bᵀ`, `[n, m]`.
  private let reference: [Double]

  init(
    _ problem: LinearProblem, costs: [Double], groups: [Int], epsilon: Double, strength: Double
  ) {
    self.problem = problem
    self.costs = costs
    self.epsilon = epsilon
    self.strength = strength
    m = problem.columnMasses.count
    let byGroup = Dictionary(grouping: groups.indices.filter { groups[$0] >= 0 }) { groups[$0] }
    members = byGroup.keys.sorted().map { byGroup[$0]! }
    reference = problem.rowMasses.flatMap { a in problem.columnMasses.map { a * $0 } }
  }

  var product: [Double] { reference.map { $0 / problem.mass } }

  /// The Euclidean norm of each group in each column, `[groups, m]`.
  private func each(_ coupling: [Double]) -> [Double] {
    members.flatMap { rows in
      var sums = [Double](repeating: 0, count: m)
      for i in rows {
        for j in 0..<m { sums[j] += coupling[i * m + j] * coupling[i * m + j] }
      }
      return sums.map { $0.squareRoot() }
    }
  }

  func norms(_ coupling: [Double]) -> Double { CompensatedSum.of(each(coupling)) }

  func value(_ coupling: [Double]) -> Double {
    var sum = CompensatedSum()
    for k in coupling.indices where reference[k] > 0 {
      let mass = coupling[k]
      let entropy = mass > 0 ? mass * log(mass / reference[k]) : 0
      sum.add(mass * costs[k] + epsilon * (entropy - mass + reference[k]))
    }
    return sum.value + strength * norms(coupling)
  }

  /// The norms' slope, η times each entry's share of its group's norm; 0 where the group has none.
  func slope(_ coupling: [Double]) -> [Double] {
    var out = [Double](repeating: 0, count: coupling.count)
    let norms = each(coupling)
    for (group, rows) in members.enumerated() {
      for i in rows {
        for j in 0..<m where norms[group * m + j] > 0 {
          out[i * m + j] = strength * coupling[i * m + j] / norms[group * m + j]
        }
      }
    }
    return out
  }

  /// The whole objective's slope along a way of no mass.
  func slope(_ coupling: [Double], along way: [Double]) -> Double {
    let outer = slope(coupling)
    var sum = CompensatedSum()
    for k in way.indices where reference[k] > 0 && way[k] != 0 {
      let entropy = log(max(coupling[k], .leastNormalMagnitude) / reference[k])
      sum.add(way[k] * (costs[k] + outer[k] + epsilon * entropy))
    }
    return sum.value
  }

  func purity(_ coupling: [Double]) -> Double {
    var best = [Double](repeating: 0, count: m)
    for rows in members {
      for j in 0..<m { best[j] = max(best[j], rows.reduce(0) { $0 + coupling[$1 * m + j] }) }
    }
    return best.reduce(0, +) / problem.mass
  }
}
