// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors
import Foundation

/// Transport with strongly convex terms instead of entropy, whose couplings are sparse: minimizes
/// `⟨C, T⟩ + Σ_j Ω(t_j)` over couplings, `t_j` being column j.
///
/// Climbs the semi-dual in the rows' potentials, columns being projected onto their simplex, by
/// limited-memory BFGS, and ends with Newton's steps on the supports found (Blondel, Seguy and Rolet
/// 2018; Liu, Puigcerver and Blondel 2023).
public struct SmoothTransport: Sendable {
  /// Ω.
  public enum Regularizer: Sendable, Equatable {
    /// `γ/2 ‖t‖²`, γ > 0 in cost for each unit of mass.
    case squares(Double)
    /// The same with at most so many entries above 0 in each column: as a router, no expert takes
    /// more tokens.
    case sparse(Double, entriesMax: Int)
  }

  /// Ω.
  public var regularizer: Regularizer
  /// The marginal error to reach, L1 of the rows (columns are exact), as a share of the mass.
  public var tolerance: Double
  /// How many steps are made at most.
  public var iterationsMax: Int
  /// What happens at `iterationsMax`.
  public var unfinished: Unfinished
  /// How many threads work; the result is the same bits for every count.
  public var threads: Threads

  /// A solver with a regularizer, to a given marginal error.
  public init(
    _ regularizer: Regularizer, tolerance: Double = 1e-8, iterationsMax: Int = 2000,
    unfinished: Unfinished = .fails, threads: Threads = .cores
  ) {
    self.regularizer = regularizer
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
    self.unfinished = unfinished
    self.threads = threads
  }

  /// The coupling, and where the choice of entries was not decided by the potentials.
  public struct Answer: Sendable {
    /// Coupling (sparse), potentials, and certificate; primal and dual include Ω.
    public let solution: TransportSolution
    /// Columns in which the last entry kept and the first one left out tie: there the dual has no
    /// gradient, entries were chosen by their place, and rows may miss their mass.
    public let tiedColumns: [Int]
  }

  /// Solves the problem.
  ///
  /// - Throws: `.badSetting` for settings out of range, `.badCost`, `.notConverged` (the state reached
  ///   attached; with `.sparse`, ties may make it so), `.cancelled`.
  /// - Complexity: O(nm) a step, O(nm) memory.
  public func solve(_ problem: LinearProblem) throws(TransportError) -> Answer {
    let (gamma, entriesMax) = try checked()
    let live = LivePart(problem)
    let range = try CostRange(of: problem.geometry, threads: threads)
    var run = SmoothRun(
      live, gamma: gamma, entriesMax: min(entriesMax, live.a.count), threads: threads)
    try run.climb(tolerance: tolerance * problem.mass, iterationsMax: iterationsMax, range: range)
    let answer = run.answer(tolerance: tolerance)
    return Answer(
      solution: try answer.solution.settled(
        unfinished, solver: "smooth transport",
        tolerance: "a marginal error of \(tolerance * problem.mass)",
        remedy: "Raise iterationsMax, γ or tolerance, or take the best state from the error."),
      tiedColumns: answer.tiedColumns)
  }

  private func checked() throws(TransportError) -> (Double, Int) {
    let gamma: Double
    var entries = Int.max
    switch regularizer {
    case .squares(let strength): gamma = strength
    case .sparse(let strength, let entriesMax):
      gamma = strength
      entries = entriesMax
    }
    guard gamma > 0, gamma.isFinite, entries > 0 else {
      throw TransportError(
        .badSetting, "γ is \(gamma), with \(entries) entries a column", at: "smooth transport",
        remedy: "Give a finite γ above 0, and allow at least 1 entry.")
    }
    guard tolerance > 0, tolerance.isFinite, iterationsMax > 0 else {
      throw TransportError(
        .badSetting, "the tolerance is \(tolerance) and iterationsMax \(iterationsMax)",
        at: "smooth transport", remedy: "Give a tolerance above 0, and allow at least 1 step.")
    }
    return (gamma, entries)
  }
}
