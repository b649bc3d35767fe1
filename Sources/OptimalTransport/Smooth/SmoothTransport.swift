// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors
import Foundation

/// Transport with strongly convex terms instead of entropy, whose couplings are sparse: minimizes
/// `⟨C, T⟩ + Σ_j Ω(t_j)` over couplings, `t_j` being column j.
///
/// Climbs the semi-dual in the rows' potentials, columns being projected onto their simplex, by
/// limited-memory BFGS, and ends with Newton's steps on the supports found (Blondel, Seguy and Rolet
/// 2018; Liu, Puigcerver and Blondel 2023). Where entries tie, no potentials give rows their mass:
/// supports are then chosen by an exact linear problem on the entries that tie, and the coupling is
/// the best one on them.
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
  /// The marginal error to reach, L1 of the rows (columns are exact), as a share of the mass: above 0
  /// and below 2.
  public var tolerance: Double
  /// How many steps each ascent makes at most.
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

  /// How a solve ended.
  public enum Ending: Sendable, Equatable {
    /// At the dual's top: the potentials decide the coupling, and no other one is better.
    case smooth
    /// At potentials where entries tie: supports were chosen. Rows have their mass, no column has
    /// too many entries, and the certificate's gap is what another choice could gain at most.
    case chosenSupports
    /// No coupling was found that gives rows their mass; columns have theirs, and no more entries
    /// than allowed.
    case missedRows
  }

  /// The coupling, and where the choice of entries was not decided by the potentials.
  public struct Answer: Sendable {
    /// Coupling (sparse), potentials of the dual, and certificate; primal and dual include Ω.
    public let solution: TransportSolution
    /// How the solve ended.
    public let ending: Ending
    /// Columns in which the last entry kept and the first one left out tie at the potentials: there
    /// the dual has no gradient.
    public let tiedColumns: [Int]
  }

  /// Solves the problem.
  ///
  /// - Throws: `.badSetting` for settings out of range, `.badCost`, `.notConverged` (the state reached
  ///   attached; with `.sparse`, where columns have not entries enough for all rows), `.cancelled`.
  /// - Complexity: O(nm) a step, O(nm) memory.
  public func solve(_ problem: LinearProblem) throws(TransportError) -> Answer {
    let (gamma, entriesMax) = try checked()
    let live = LivePart(problem)
    let range = try CostRange(of: problem.geometry, threads: threads)
    let run = SmoothRun(
      live, gamma: gamma, entriesMax: min(entriesMax, live.a.count), threads: threads)
    let answer = try SmoothEnding(
      tolerance: tolerance, iterationsMax: iterationsMax, range: range
    ).answer(from: run)
    let slots = live.b.count.multipliedReportingOverflow(by: min(entriesMax, live.a.count))
    let remedy =
      slots.partialValue < live.a.count && !slots.overflow
      ? "\(entriesMax) entries in each of \(live.b.count) columns leave out rows of \(live.a.count):"
        + " allow more, or take the best state from the error."
      : "Raise iterationsMax, γ or tolerance, or take the best state from the error."
    return Answer(
      solution: try answer.solution.settled(
        unfinished, solver: "smooth transport",
        tolerance: "a marginal error of \(tolerance * problem.mass)", remedy: remedy),
      ending: answer.ending, tiedColumns: answer.tiedColumns)
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
    try checkMarginalTolerance(tolerance, at: "smooth transport")
    guard iterationsMax > 0 else {
      throw TransportError(
        .badSetting, "iterationsMax is \(iterationsMax)", at: "smooth transport",
        remedy: "Allow at least 1 step.")
    }
    return (gamma, entries)
  }
}
