// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors
import Foundation

/// Entropic transport one row or column at a time: the one that is furthest from its mass
/// (Altschuler, Weed and Rigollet 2017, algorithm 1). O(n + m) an update.
public struct Greenkhorn: Sendable {
  /// How strong the entropy is.
  public var strength: Sinkhorn.Strength
  /// The marginal error to reach, L1 over both sides, as a share of the mass: above 0 and below 2.
  public var tolerance: Double
  /// How many rows and columns are updated at most.
  public var updatesMax: Int
  /// What happens at `updatesMax`.
  public var unfinished: Unfinished

  /// A solver of a given strength, to a given marginal error.
  public init(
    _ strength: Sinkhorn.Strength, tolerance: Double = 1e-6, updatesMax: Int = 1_000_000,
    unfinished: Unfinished = .fails
  ) {
    self.strength = strength
    self.tolerance = tolerance
    self.updatesMax = updatesMax
    self.unfinished = unfinished
  }

  /// Solves the problem; the coupling is held while it does, O(nm) memory.
  ///
  /// - Returns: as `Sinkhorn.solve`; `iterations` counts updates of one row or column.
  /// - Throws: as `Sinkhorn.solve`.
  public func solve(_ problem: LinearProblem) throws(TransportError) -> TransportSolution {
    try checkMarginalTolerance(tolerance, at: "greenkhorn")
    guard updatesMax > 0 else {
      throw TransportError(
        .badSetting, "updatesMax is \(updatesMax)", at: "greenkhorn",
        remedy: "Allow at least 1 update.")
    }
    // Two of Sinkhorn's passes: no row or column of the coupling vanishes at their potentials.
    let start = try Sinkhorn(
      strength, iterationsMax: 2, form: .logarithmic, unfinished: .isReturned
    ).solve(problem)
    guard case .implicit(let coupling) = start.coupling else {
      preconditionFailure("entropic couplings are implicit")
    }
    let epsilon = coupling.epsilon
    let live = LivePart(problem)
    var f = live.rows.map { start.rowPotentials[$0] }
    var g = live.columns.map { start.columnPotentials[$0] }
    let updates = try improve(live, &f, &g, epsilon)
    let whole = live.extended(f, g, epsilon: epsilon)
    return try EntropicMeasure(
      problem, penalties: (.exact, .exact), epsilon: epsilon,
      potentials: Potentials(rows: whole.rows, columns: whole.columns), threads: .one
    ).solution(iterations: updates, tolerance: tolerance).settled(
      unfinished, solver: "greenkhorn, epsilon \(epsilon)",
      tolerance: "a marginal error of \(tolerance * problem.mass)",
      remedy: "Raise updatesMax, epsilon or tolerance, or take the best state from the error.")
  }

  /// By how much a sum is off, as a distance of Bregman: 0 where it is right.
  private static func distance(_ wanted: Double, _ reached: Double) -> Double {
    // t − log(1 + t), whose terms keep their digits where they cancel: the choice is right to the end.
    let excess = (reached - wanted) / wanted
    return wanted * (excess - log1p(excess))
  }

  private func improve(
    _ live: LivePart, _ f: inout [Double], _ g: inout [Double], _ epsilon: Double
  ) throws(TransportError) -> Int {
    let (a, b) = (live.a, live.b)
    let n = a.count
    let m = b.count
    let goal = tolerance * live.problem.mass / 2
    var masses = EntropicCoupling(
      geometry: live.geometry, f: f, g: g, a: a, b: b, epsilon: epsilon
    ).dense().masses
    var rows = [Double](repeating: 0, count: n)
    var columns = [Double](repeating: 0, count: m)
    func sum() {
      for j in 0..<m { columns[j] = 0 }
      for i in 0..<n {
        rows[i] = 0
        for j in 0..<m {
          rows[i] += masses[i * m + j]
          columns[j] += masses[i * m + j]
        }
      }
    }
    sum()
    var offRows = (0..<n).map { Self.distance(a[$0], rows[$0]) }
    var offColumns = (0..<m).map { Self.distance(b[$0], columns[$0]) }
    for update in 0..<updatesMax {
      if update % (n + m) == 0 {
        try checkCancelled("greenkhorn")
        // Sums are kept up by differences, whose rounding adds up.
        sum()
        offRows = (0..<n).map { Self.distance(a[$0], rows[$0]) }
        offColumns = (0..<m).map { Self.distance(b[$0], columns[$0]) }
        let error =
          zip(rows, a).reduce(0) { $0 + abs($1.0 - $1.1) }
          + zip(columns, b).reduce(0) { $0 + abs($1.0 - $1.1) }
        if error <= goal { return update }
      }
      let i = offRows.indices.max { offRows[$0] < offRows[$1] }!
      let j = offColumns.indices.max { offColumns[$0] < offColumns[$1] }!
      if offRows[i] >= offColumns[j] {
        let factor = a[i] / rows[i]
        f[i] += epsilon * log(factor)
        for k in 0..<m {
          let old = masses[i * m + k]
          masses[i * m + k] = old * factor
          columns[k] += old * (factor - 1)
          offColumns[k] = Self.distance(b[k], max(columns[k], .leastNormalMagnitude))
        }
        rows[i] = a[i]
        offRows[i] = 0
      } else {
        let factor = b[j] / columns[j]
        g[j] += epsilon * log(factor)
        for k in 0..<n {
          let old = masses[k * m + j]
          masses[k * m + j] = old * factor
          rows[k] += old * (factor - 1)
          offRows[k] = Self.distance(a[k], max(rows[k], .leastNormalMagnitude))
        }
        columns[j] = b[j]
        offColumns[j] = 0
      }
    }
    return updatesMax
  }
}
