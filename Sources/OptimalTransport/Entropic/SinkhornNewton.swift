// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Entropic transport by Newton's steps whose matrix is truncated to the entries that matter: small
/// ε to errors of 1e-12 in few steps (Tang et al. 2024, "Accelerating Sinkhorn algorithm with sparse
/// Newton iterations").
///
/// Unlike the paper's, the steps are in the columns' potentials alone, the rows' being best for them,
/// and the truncation follows the error, so that convergence is superlinear; the published rule of a
/// fixed share of entries is kept beside it.
public struct SinkhornNewton: Sendable {
  /// Which entries of the coupling stand in Newton's matrix.
  public enum Truncation: Sendable, Equatable {
    /// The largest ones, until what is dropped is below a hundredth of the error.
    case adaptive
    /// The `⌈share · nm⌉` largest ones, as published: the paper takes 2/n and 15/n.
    case share(Double)
  }

  /// How strong the entropy is.
  public var strength: Sinkhorn.Strength
  /// The marginal error to reach, L1 over both sides, as a share of the mass: above 0 and below 2.
  public var tolerance: Double
  /// How many Newton steps are made at most.
  public var stepsMax: Int
  /// Which entries stand in the matrix.
  public var truncation: Truncation
  /// The marginal error at which Sinkhorn's iterations hand over, as a share of the mass.
  public var handover: Double
  /// What happens at `stepsMax`.
  public var unfinished: Unfinished
  /// How many threads work; the result is the same bits for every count.
  public var threads: Threads
  /// Potentials to start from; nil starts at a large ε.
  public var initial: Potentials?
  /// Called after each Newton step, on the thread that solves: its number, and the error then.
  public var progress: (@Sendable (Sinkhorn.Progress) -> Void)?

  /// A solver of a given strength, to a given marginal error.
  public init(
    _ strength: Sinkhorn.Strength, tolerance: Double = 1e-9, stepsMax: Int = 100,
    truncation: Truncation = .adaptive, handover: Double = 0.05, unfinished: Unfinished = .fails,
    threads: Threads = .cores, initial: Potentials? = nil
  ) {
    self.strength = strength
    self.tolerance = tolerance
    self.stepsMax = stepsMax
    self.truncation = truncation
    self.handover = handover
    self.unfinished = unfinished
    self.threads = threads
    self.initial = initial
  }

  /// Solves the problem.
  ///
  /// - Returns: as `Sinkhorn.solve`; `iterations` counts Sinkhorn's passes and Newton's steps.
  /// - Throws: as `Sinkhorn.solve`; `.badSetting` also for a share of entries or a limit of steps out
  ///   of range.
  /// - Complexity: O(nm) a step, and O(nm) memory where `8nm` bytes are at most 2 GiB.
  public func solve(_ problem: LinearProblem) throws(TransportError) -> TransportSolution {
    try checkSettings()
    let range = try CostRange(of: problem.geometry, threads: threads)
    let epsilon = try Sinkhorn(strength).epsilon(for: range)
    // Sinkhorn's own iterations are quick where ε is not small; from there Newton follows ε down.
    let stage =
      initial == nil ? max(epsilon, (range.spread) * NewtonRun.firstShare) : epsilon
    let start = try Sinkhorn(
      .epsilon(stage), tolerance: max(handover, tolerance), iterationsMax: Self.warmPasses,
      form: .scaling, unfinished: .isReturned, threads: threads, initial: initial
    ).solve(problem)
    let live = LivePart(problem)
    var run = try NewtonRun(
      live: live, epsilon: stage, threads: threads, truncation: truncation)
    let state = try run.follow(
      to: epsilon,
      from: Potentials(
        rows: live.rows.map { start.rowPotentials[$0] },
        columns: live.columns.map { start.columnPotentials[$0] }),
      stageError: handover, tolerance: tolerance, stepsMax: stepsMax
    ) { step, error in progress?(Sinkhorn.Progress(iterations: step, error: error)) }
    let whole = live.extended(state.rows, state.columns, epsilon: epsilon)
    return try EntropicMeasure(
      problem, penalties: (.exact, .exact), epsilon: epsilon,
      potentials: Potentials(rows: whole.rows, columns: whole.columns), threads: threads
    ).solution(iterations: start.iterations + run.steps, tolerance: tolerance).settled(
      unfinished, solver: "sinkhorn-newton, epsilon \(epsilon)",
      tolerance: "a marginal error of \(tolerance * problem.mass)",
      remedy: "Raise stepsMax, epsilon or tolerance, or take the best state from the error.")
  }

  /// Sinkhorn passes before Newton's steps; what is missing then, damped steps make up.
  private static let warmPasses = 1000

  private func checkSettings() throws(TransportError) {
    if case .share(let share) = truncation, !(share > 0 && share <= 1) {
      throw TransportError(
        .badSetting, "the share of entries is \(share)", at: "sinkhorn-newton",
        remedy: "Give a share above 0 and up to 1.")
    }
    guard stepsMax > 0 else {
      throw TransportError(
        .badSetting, "stepsMax is \(stepsMax)", at: "sinkhorn-newton",
        remedy: "Allow at least 1 step.")
    }
    try checkMarginalTolerance(tolerance, at: "sinkhorn-newton")
    try checkMarginalTolerance(handover, at: "sinkhorn-newton, handover")
  }
}
