// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// Entropic transport between more than two measures: minimizes `⟨C, P⟩ + ε KL(P ‖ ⊗ aₖ)` over
/// tensors whose k-th marginal is `aₖ` (Benamou et al. 2015, section 4).
///
/// The tensor of costs is held, so the sizes' product is limited. In the log domain.
public struct MultiMarginal: Sendable {
  /// ε > 0, in the unit of cost.
  public var epsilon: Double
  /// The marginal error to reach, L1 over all sides, for masses of 1: above 0 and below 2.
  public var tolerance: Double
  /// How many rounds over all marginals are made at most.
  public var iterationsMax: Int

  /// A tensor of costs has at most so many entries.
  static let tensorEntries = 1 << 24

  public init(epsilon: Double, tolerance: Double = 1e-7, iterationsMax: Int = 10_000) {
    self.epsilon = epsilon
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
  }

  /// What was found, and what proves it.
  public struct Solution: Sendable {
    /// The mass of each entry, the last index fastest, 1 in all.
    public let masses: [Double]
    /// One potential for each measure: `P = Π aₖ exp((Σ fₖ − C)/ε)`.
    public let potentials: [[Double]]
    /// `⟨C, P⟩`.
    public let transportCost: Double
    /// Primal and dual with the entropy; marginal errors of all sides, in `rowError`.
    public let certificate: Certificate
    /// Rounds.
    public let iterations: Int
  }

  /// - Parameters:
  ///   - costs: the last index fastest, one for each combination.
  ///   - measures: at least two, each scaled to 1.
  /// - Throws: `.shapeMismatch`, `.badMass`, `.badCost`, `.badSetting` for a tensor beyond
  ///   2²⁴ entries, `.notConverged`, `.cancelled`.
  public func solve(
    costs: [Double], measures: [[Double]]
  ) throws(TransportError) -> Solution {
    var entries = 1
    for measure in measures {
      let (product, overflow) = entries.multipliedReportingOverflow(by: measure.count)
      guard !overflow, product <= Self.tensorEntries else {
        throw TransportError(
          .badSetting, "more than \(Self.tensorEntries) combinations", at: "multi-marginal",
          remedy: "Take fewer points or measures: every combination has a cost.")
      }
      entries = product
    }
    guard measures.count >= 2, entries > 0, costs.count == entries else {
      throw TransportError(
        .shapeMismatch, "\(costs.count) costs for \(entries) combinations of \(measures.count)",
        at: "multi-marginal", remedy: "Give at least 2 measures and a cost for each combination.")
    }
    try checkMarginalTolerance(tolerance, at: "multi-marginal")
    let flat = try DenseCost(costs, rows: 1, columns: entries)
    let range = try CostRange(of: flat)
    try checkEntropy(epsilon, costs: range.magnitude, at: "multi-marginal")
    var scaled: [[Double]] = []
    for measure in measures {
      let total = try LinearProblem.total(measure, count: measure.count, side: "measure")
      scaled.append(measure.map { $0 / total })
    }
    var run = TensorRun(costs: costs, measures: scaled, epsilon: epsilon)
    for round in 1...max(1, iterationsMax) {
      for side in scaled.indices {
        try checkCancelled("multi-marginal")
        run.update(side)
      }
      let solution = run.solution(iterations: round)
      if solution.certificate.rowError <= tolerance { return solution }
    }
    throw TransportError(
      .notConverged, "after \(iterationsMax) rounds the tolerance is not met",
      at: "multi-marginal, epsilon \(epsilon)", remedy: "Raise iterationsMax, epsilon or tolerance."
    )
  }
}

private struct TensorRun {
  let costs: [Double]
  let measures: [[Double]]
  let epsilon: Double
  private let strides: [Int]
  private var f: [[Double]]

  init(costs: [Double], measures: [[Double]], epsilon: Double) {
    self.costs = costs
    self.measures = measures
    self.epsilon = epsilon
    var strides = [Int](repeating: 1, count: measures.count)
    for k in stride(from: measures.count - 2, through: 0, by: -1) {
      strides[k] = strides[k + 1] * measures[k + 1].count
    }
    self.strides = strides
    f = measures.map { Array(repeating: 0, count: $0.count) }
  }

  private func index(_ entry: Int, _ side: Int) -> Int {
    entry / strides[side] % measures[side].count
  }

  /// One side's potential such that its marginal is exact.
  mutating func update(_ side: Int) {
    let n = measures[side].count
    var exponents = [Double](repeating: 0, count: costs.count)
    var highest = [Double](repeating: -.infinity, count: n)
    for entry in costs.indices {
      var sum = -costs[entry]
      var isLive = true
      for k in measures.indices where k != side {
        let at = index(entry, k)
        sum += f[k][at]
        isLive = isLive && measures[k][at] > 0
      }
      exponents[entry] = isLive ? sum : -.infinity
      let at = index(entry, side)
      highest[at] = max(highest[at], exponents[entry])
    }
    var sums = [Double](repeating: 0, count: n)
    for entry in costs.indices where exponents[entry] > -.infinity {
      let at = index(entry, side)
      var weight = 1.0
      for k in measures.indices where k != side { weight *= measures[k][index(entry, k)] }
      sums[at] += weight * exp((exponents[entry] - highest[at]) / epsilon)
    }
    for at in 0..<n { f[side][at] = -highest[at] - epsilon * log(sums[at]) }
  }

  func solution(iterations: Int) -> MultiMarginal.Solution {
    var masses = [Double](repeating: 0, count: costs.count)
    var marginals = measures.map { [Double](repeating: 0, count: $0.count) }
    var cost = CompensatedSum()
    var primal = CompensatedSum()
    for entry in costs.indices {
      var sum = -costs[entry]
      var weight = 1.0
      for k in measures.indices {
        let at = index(entry, k)
        sum += f[k][at]
        weight *= measures[k][at]
      }
      guard weight > 0 else { continue }
      let mass = weight * exp(min(700, sum / epsilon))
      masses[entry] = mass
      for k in measures.indices { marginals[k][index(entry, k)] += mass }
      cost.add(mass * costs[entry])
      primal.add(mass * (sum + costs[entry]))
    }
    let moved = CompensatedSum.of(masses)
    var dual = CompensatedSum()
    for k in measures.indices {
      for at in f[k].indices where measures[k][at] > 0 { dual.add(measures[k][at] * f[k][at]) }
    }
    let entropy = epsilon * (1 - moved)
    return MultiMarginal.Solution(
      masses: masses, potentials: f, transportCost: cost.value,
      certificate: Certificate(
        primal: primal.value + entropy, dual: dual.value + entropy,
        coupled: marginals.flatMap { $0 }, [0], problem: measures.flatMap { $0 }, [0]),
      iterations: iterations)
  }
}
