// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Entropic transport: minimizes `⟨C, P⟩ + ε KL(P ‖ a bᵀ)` over couplings of the masses.
///
/// Scaling with absorption: the kernel `exp((f + g − C)/ε)` is kept with the potentials inside, in
/// f32 until the error asked for needs f64, so that an iteration is two products in one pass, and exponentials are paid only where the
/// scalings grow (Schmitzer 2019, section 3). Where rows of the kernel vanish, the iteration is done
/// with exact log-sum-exp until they do not. Small ε is reached from large ones by factors of 4.
/// At ε itself steps go on from where the last ones together point (Anderson 1965); where a side may
/// miss its masses, and in problems that fit a cache, they are over-relaxed once the rate of
/// convergence is known (Thibault et al. 2021).
///
/// - Note: `iterations` counts passes over the cost, those at larger ε included.
public struct Sinkhorn: Sendable {
  /// How strong the entropy is.
  public enum Strength: Sendable, Equatable {
    /// ε > 0, in the unit of cost.
    case epsilon(Double)
    /// ε as a share, above 0, of the mean cost.
    case shareOfMeanCost(Double)
  }

  /// How an iteration is computed.
  public enum Form: Sendable {
    /// Scaling, log-sum-exp where it must be, and truncated Newton steps where they pay: where ε is
    /// small and an error of few digits is not enough.
    case automatic
    /// The same without Newton's steps.
    case scaling
    /// Log-sum-exp always: the reference, some ten times slower.
    case logarithmic
  }

  /// Whether the kernel of `8nm` bytes is held between iterations.
  public enum Memory: Sendable {
    /// Held up to 2 GiB.
    case automatic
    /// Never: O(n + m) memory, one exponential an entry and iteration.
    case lean
  }

  /// How strong the entropy is.
  public var strength: Strength
  /// The marginal error to reach, L1 over both sides, as a share of the mass: above 0 and below 2.
  public var tolerance: Double
  /// How many passes over the cost are made at most.
  public var iterationsMax: Int
  /// How an iteration is computed.
  public var form: Form
  /// Whether the kernel is held.
  public var memory: Memory
  /// What happens at `iterationsMax`.
  public var unfinished: Unfinished
  /// How many threads work; the result is the same bits for every count.
  public var threads: Threads
  /// Potentials to start from, such as those of a problem near by; nil starts at a large ε.
  public var initial: Potentials?
  /// Called after each pass, on the thread that solves.
  public var progress: (@Sendable (Progress) -> Void)?

  /// How far a solve is.
  public struct Progress: Sendable, Equatable {
    /// Passes over the cost so far.
    public let iterations: Int
    /// The marginal error before the last one, as a share of the mass, at the ε of the moment.
    public let error: Double
  }

  /// 2³¹ bytes of f64 are held as a kernel at most.
  static let heldEntries = 1 << 28

  /// Sums of the kernel that scaling goes on with: far enough from the ends of f64 that products
  /// with masses and scalings stay inside. No input known leaves it, as each ε starts near its
  /// solution; tests narrow it, to see that exact steps are there should one.
  package var usableSums = 1e-280...1e280

  /// From how many entries on a cloud is begun with fewer points; tests lower it.
  package var coarseEntries = SinkhornRun.coarseEntries
  /// How many points of a side it is begun with.
  package var coarsePoints = 8192

  /// A solver of a given strength, to a given marginal error.
  public init(
    _ strength: Strength, tolerance: Double = 1e-6, iterationsMax: Int = 10_000,
    form: Form = .automatic, memory: Memory = .automatic, unfinished: Unfinished = .fails,
    threads: Threads = .cores, initial: Potentials? = nil
  ) {
    self.strength = strength
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
    self.form = form
    self.memory = memory
    self.unfinished = unfinished
    self.threads = threads
    self.initial = initial
  }

  /// Solves the problem.
  ///
  /// - Returns: the coupling (implicit), potentials with
  ///   `P_ij = a_i b_j exp((f_i + g_j − C_ij)/ε)`, and the marginal errors measured at them.
  /// - Throws: `.badSetting` for ε, tolerance or limit out of range, `.badCost` for costs that are
  ///   not finite, `.notConverged` at the limit of iterations (the state reached attached),
  ///   `.cancelled`.
  public func solve(_ problem: LinearProblem) throws(TransportError) -> TransportSolution {
    try solve(problem, penalties: (.exact, .exact))
  }

  /// Solves a problem whose marginals need not be met.
  ///
  /// Minimizes `⟨C, P⟩ + ε KL(P ‖ a bᵀ)` and what each side's marginals cost. The certificate's
  /// marginal errors are from the marginals that the potentials ask for: those of the masses where
  /// a side is exact.
  ///
  /// - Returns: as for balanced problems; the gap between primal and dual is that of the penalized
  ///   problem, and is no estimate.
  /// - Throws: as for balanced problems.
  public func solve(_ problem: UnbalancedProblem) throws(TransportError) -> TransportSolution {
    try solve(
      LinearProblem(
        unequal: problem.geometry, rowMasses: problem.rowMasses,
        columnMasses: problem.columnMasses),
      penalties: (problem.rowPenalty, problem.columnPenalty))
  }

  private func solve(
    _ problem: LinearProblem, penalties: (MarginalPenalty, MarginalPenalty)
  ) throws(TransportError) -> TransportSolution {
    try checkSettings()
    let solution: TransportSolution
    let epsilon: Double
    if let grid = problem.geometry as? GridCost, form != .logarithmic {
      epsilon = try self.epsilon(for: CostRange(of: grid))
      var run = GridRun(self, problem, grid: grid, penalties: penalties, epsilon: epsilon)
      solution = try run.solve()
    } else {
      let range = try CostRange(near: problem.geometry, threads: threads)
      epsilon = try self.epsilon(for: range)
      var run = try SinkhornRun(
        self, problem, penalties: penalties, epsilon: epsilon, range: range)
      solution = try run.solve()
    }
    return try solution.settled(
      unfinished, solver: "sinkhorn, epsilon \(epsilon)",
      tolerance: "a marginal error of \(tolerance * problem.mass)",
      remedy: "Raise iterationsMax, epsilon or tolerance, or take the best state from the error.")
  }

  func report(_ iterations: Int, _ error: Double) {
    progress?(Progress(iterations: iterations, error: error))
  }

  private func checkSettings() throws(TransportError) {
    try checkMarginalTolerance(tolerance, at: "sinkhorn")
    guard iterationsMax > 0 else {
      throw TransportError(
        .badSetting, "iterationsMax is \(iterationsMax)", at: "sinkhorn",
        remedy: "Allow at least 1 iteration.")
    }
  }

  /// The strength in the unit of cost.
  func epsilon(for range: CostRange) throws(TransportError) -> Double {
    let given: Double
    let epsilon: Double
    switch strength {
    case .epsilon(let value):
      given = value
      epsilon = value
    case .shareOfMeanCost(let share):
      given = share
      // Where all costs are 0 every coupling is best, at any strength.
      epsilon = range.mean == 0 ? share : share * abs(range.mean)
    }
    guard given > 0, given.isFinite else {
      throw TransportError(
        .badSetting, "the strength is \(given)", at: "sinkhorn",
        remedy: "Give a strength above 0; for none use NetworkSimplex or Assignment.")
    }
    try checkEntropy(
      epsilon, costs: range.magnitude, at: "sinkhorn", without: ", or use NetworkSimplex")
    return epsilon
  }
}
