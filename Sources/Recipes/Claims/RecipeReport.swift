// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// What a run of a recipe came to; its JSON has stable keys.
public struct RecipeReport: Sendable, Encodable {
  /// A claim with its measurement.
  public struct Outcome: Sendable, Encodable, Equatable {
    /// The claim's id.
    public let id: String
    /// What is claimed.
    public let sentence: String
    /// What was measured.
    public let metric: String
    /// Of the baseline; nil where there is none.
    public let baseline: Double?
    /// Of the method; over several seeds the mean.
    public let value: Double
    /// Half the width of its interval of 95 % over the seeds (Student's); nil of one seed.
    public let spread: Double?
    /// What is enough, as `≤ 0.5`.
    public let need: String
    /// The paper's own figure.
    public let reported: String
    /// What came of it.
    public let verdict: Verdict
  }

  /// The recipe's name.
  public let recipe: String
  /// One line on what it does.
  public let title: String
  /// How much it might take.
  public let budget: Budget
  /// What all chance came from; of several seeds the first, others follow it.
  public let seed: UInt64
  /// How many seeds were run; what is not a claim is the first one's.
  public let seeds: Int
  /// What was run.
  public let subject: Subject
  /// How long it took.
  public let seconds: Double
  /// What was moved.
  public let moved: String
  /// What moving it took.
  public let cost: String
  /// The error left.
  public let inSync: String
  /// All claims, in the recipe's order.
  public let claims: [Outcome]
  /// More than the claims are about.
  public let tables: [FindingTable]
  /// What stands in for the real thing.
  public let simulated: [String]
  /// What the paper did that this does not.
  public let notDone: [String]
  /// To look at; not in the JSON.
  public let figures: [Figure]
  /// What the recipe is after; not in the JSON.
  public let paper: Paper

  private enum CodingKeys: String, CodingKey {
    case recipe, title, budget, seed, seeds, subject, seconds, moved, cost, inSync, claims, tables
    case simulated, notDone
  }

  /// Runs a recipe and judges its claims.
  ///
  /// - Throws: what the recipe throws; `.dataMissing` before it runs without what it needs,
  ///   `.claimWithoutMeasurement` for one that measures too little.
  public init(_ recipe: some Recipe, in run: RecipeRun) throws {
    let missing = recipe.needs.filter { !run.data.has($0) }
    guard missing.isEmpty else { throw DataShelf.missing(missing, run.data) }
    let count = run.budget == .full ? Self.seedsOfFull : 1
    let (all, seconds) = try run.timed {
      try (0..<count).map { number in
        let own = run.with(seed: Seed(run.seed.value &+ UInt64(number)))
        if count > 1 { run.note("seed \(own.seed.value)") }
        return try recipe.run(in: own)
      }
    }
    let findings = all[0]
    paper = recipe.paper
    self.recipe = paper.name
    title = paper.title
    budget = run.budget
    seed = run.seed.value
    seeds = count
    subject = run.subject
    self.seconds = seconds
    moved = findings.moved
    cost = findings.cost
    inSync = findings.inSync
    claims = try recipe.claims.map { claim in
      let each = all.compactMap { $0.measured[claim.id] }
      guard each.count == count else {
        throw RecipeError(
          .claimWithoutMeasurement, "nothing was measured for the claim \"\(claim.id)\"",
          at: recipe.paper.name, remedy: "Measure it in the recipe's run, or drop the claim.")
      }
      let (measured, spread) = Self.together(each)
      return Outcome(
        id: claim.id, sentence: claim.sentence, metric: claim.metric, baseline: measured.baseline,
        value: measured.value, spread: spread, need: claim.need.text, reported: claim.reported,
        verdict: claim.verdict(measured, budget: run.budget))
    }
    tables = findings.tables
    simulated = findings.simulated
    notDone = findings.notDone
    figures = findings.figures
  }

  /// How many seeds the full budget takes.
  static let seedsOfFull = 3

  /// Means over the seeds, and half the width of the interval of the method's.
  static func together(_ each: [Measured]) -> (Measured, spread: Double?) {
    guard each.count > 1 else { return (each[0], nil) }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    let values = each.map(\.value)
    let middle = mean(values)
    let baselines = each.compactMap(\.baseline)
    let variance =
      values.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / Double(values.count - 1)
    // Student's 97.5 % point of two degrees of freedom: three seeds.
    return (
      Measured(middle, baseline: baselines.count == each.count ? mean(baselines) : nil),
      4.303 * (variance / Double(values.count)).squareRoot()
    )
  }

  /// How many claims came to a verdict.
  public func count(_ verdict: Verdict) -> Int { claims.count { $0.verdict == verdict } }

  /// `3 PASS, 1 WEAK`: what there is of each.
  public var tally: String {
    let parts = Verdict.allCases.filter { count($0) > 0 }.map { "\(count($0)) \($0.rawValue)" }
    return parts.joined(separator: ", ")
  }
}

extension Claim.Need {
  /// `≤ 0.5`.
  public var text: String {
    switch self {
    case .atMost(let bound): "≤ \(Self.short(bound))"
    case .atLeast(let bound): "≥ \(Self.short(bound))"
    }
  }

  private static func short(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e6 ? "\(Int(value))" : "\(value)"
  }
}
