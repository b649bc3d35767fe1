// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// Partial transport with entropy: minimizes `⟨C, P⟩ + ε KL(P ‖ a bᵀ)` where rows give at most
/// `a`, columns take at most `b`, and `s` moves in all.
///
/// Each step makes the dual greatest in the rows' potentials, the columns' or the price of mass
/// (Benamou et al. 2015, section 5, as ascent on the dual): `P = a b exp((f + g + λ − C)/ε)` with
/// `f, g ≤ 0`.
public struct EntropicPartial: Sendable {
  /// The mass to move, above 0.
  public var mass: Double
  /// ε > 0, in the unit of cost.
  public var epsilon: Double
  /// How far rows and columns may be above their masses in all, as a share of the mass moved: above 0
  /// and below 2.
  public var tolerance: Double
  /// How many passes are made at most.
  public var iterationsMax: Int

  public init(
    mass: Double, epsilon: Double, tolerance: Double = 1e-9, iterationsMax: Int = 20_000
  ) {
    self.mass = mass
    self.epsilon = epsilon
    self.tolerance = tolerance
    self.iterationsMax = iterationsMax
  }

  /// What moves, and what proves it.
  public struct Solution: Sendable {
    /// Every entry.
    public let coupling: DenseCoupling
    /// `⟨C, P⟩`.
    public let transportCost: Double
    /// `f: [n]`, at most 0.
    public let rowPotentials: [Double]
    /// `g: [m]`, at most 0.
    public let columnPotentials: [Double]
    /// λ: what one more unit of mass would add to the objective.
    public let price: Double
    /// Primal and dual with the entropy; marginal errors are what is above `a` and `b`.
    public let certificate: Certificate
    /// Passes over the cost.
    public let iterations: Int
  }

  /// Solves between masses `a: [n]` and `b: [m]`, whose totals may differ.
  ///
  /// - Throws: `.badMass`, `.badSetting`, `.badCost`, `.notConverged`, `.cancelled`.
  public func solve(
    _ geometry: any CostGeometry, rowMasses a: [Double], columnMasses b: [Double]
  ) throws(TransportError) -> Solution {
    let (mass, _) = try PartialTransport.movable(
      mass, between: a, and: b, over: geometry, at: "entropic partial")
    try checkMarginalTolerance(tolerance, at: "entropic partial")
    let range = try CostRange(of: geometry)
    try checkEntropy(
      epsilon, costs: range.magnitude, at: "entropic partial",
      without: "; for no entropy use PartialTransport")
    var source = try RowSource(holding: geometry)
    let n = a.count
    let m = b.count
    let rate = 1 / epsilon
    var f = [Double](repeating: 0, count: n)
    var g = [Double](repeating: 0, count: m)
    // From here no entry overflows: the potentials only fall, and the price follows them.
    var price = range.least
    var sums = [Double](repeating: 0, count: m)
    for pass in 1...max(1, iterationsMax) {
      try checkCancelled("entropic partial")
      // Rows: at most their mass; what they give is summed up for the columns.
      for j in 0..<m { sums[j] = 0 }
      var excess = 0.0
      for i in 0..<n where a[i] > 0 {
        source.load(i)
        let sum = CostKernels.gibbsSum(b.span, source.current, g.span, f: price, rate: rate)
        excess += a[i] * max(0, sum * exp(f[i] * rate) - 1)
        f[i] = sum > 0 ? min(0, -epsilon * log(sum)) : 0
        CostKernels.gibbsAdd(
          a[i], source.current, g.span, f: f[i] + price, rate: rate, into: &sums)
      }
      // Columns, whose entries so far hold the old g.
      var total = 0.0
      for j in 0..<m where b[j] > 0 {
        excess += b[j] * max(0, sums[j] - 1)
        let fresh = sums[j] > 0 ? min(0, g[j] - epsilon * log(sums[j])) : 0
        total += b[j] * sums[j] * exp((fresh - g[j]) * rate)
        g[j] = fresh
      }
      let step = total > 0 ? epsilon * log(mass / total) : range.greatest - range.least
      price += step
      excess += abs(total - mass)
      if excess <= tolerance * mass {
        return solution(geometry, a, b, f, g, price, moving: mass, passes: pass)
      }
    }
    throw TransportError(
      .notConverged, "after \(iterationsMax) iterations the tolerance is not met",
      at: "entropic partial, epsilon \(epsilon)",
      remedy: "Raise iterationsMax, epsilon or tolerance.")
  }

  private func solution(
    _ geometry: any CostGeometry, _ a: [Double], _ b: [Double], _ f: [Double], _ g: [Double],
    _ price: Double, moving mass: Double, passes: Int
  ) -> Solution {
    let coupling = EntropicCoupling(
      geometry: geometry, f: f.map { $0 + price }, g: g, a: a, b: b, epsilon: epsilon
    ).dense()
    var source = RowSource(geometry)
    var cost = CompensatedSum()
    var rows = [Double](repeating: 0, count: a.count)
    var columns = [Double](repeating: 0, count: b.count)
    var primal = CompensatedSum()
    let m = b.count
    for i in a.indices {
      source.load(i)
      for j in 0..<m {
        let entry = coupling.masses[i * m + j]
        cost.add(entry * source.current[j])
        primal.add(entry * (f[i] + g[j] + price))
        rows[i] += entry
        columns[j] += entry
      }
    }
    let moved = CompensatedSum.of(rows)
    let reference = CompensatedSum.of(a) * CompensatedSum.of(b)
    let entropy = epsilon * (reference - moved)
    let dual =
      CompensatedSum.of(a, times: f) + CompensatedSum.of(b, times: g) + price * mass + entropy
    return Solution(
      coupling: coupling, transportCost: cost.value, rowPotentials: f, columnPotentials: g,
      price: price,
      certificate: Certificate(
        primal: primal.value + entropy, dual: dual, coupled: rows, columns,
        problem: zip(rows, a).map { min($0, $1) }, zip(columns, b).map { min($0, $1) }),
      iterations: passes)
  }
}
