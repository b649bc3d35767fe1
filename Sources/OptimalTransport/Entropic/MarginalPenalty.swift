// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// What it costs that a coupling's marginal `r` is not the mass `a` that was given, summed over the
/// rows (or columns). ρ is in the unit of cost; as it grows, all tend to `exact`.
public enum MarginalPenalty: Sendable, Equatable {
  /// The marginal must be the mass.
  case exact
  /// `ρ Σ (r log(r/a) − r + a)`, ρ > 0.
  case kullbackLeibler(Double)
  /// `ρ Σ |r − a|`, ρ > 0: mass whose way costs more than ρ a side stays.
  case totalVariation(Double)
  /// `ρ/2 Σ (r − a)²`, ρ > 0, in cost for each unit of mass.
  case squares(Double)

  /// ρ; infinity where the marginal must be exact.
  public var strength: Double {
    switch self {
    case .exact: .infinity
    case .kullbackLeibler(let rho), .totalVariation(let rho), .squares(let rho): rho
    }
  }

  /// The potential that is best for a row of mass `a` whose softened least is `p`: what Sinkhorn's
  /// step becomes (Séjourné et al. 2019, section 4.3).
  func potential(for p: Double, mass a: Double, epsilon: Double) -> Double {
    switch self {
    case .exact: return p
    case .kullbackLeibler(let rho): return rho / (rho + epsilon) * p
    case .totalVariation(let rho): return max(-rho, min(rho, p))
    case .squares(let rho):
      return Self.solved(p, strength: rho * a, epsilon: epsilon)
    }
  }

  /// f with `1 − f/s = exp((f − p)/ε)`: Lambert's function, by Newton's steps.
  private static func solved(_ p: Double, strength s: Double, epsilon: Double) -> Double {
    // A price of nothing asks for nothing.
    guard s >= .leastNormalMagnitude else { return 0 }
    if p < s / 2 {
      // Concave and falling in f: the tangent at 0 leads to the right of the root, below s, and from
      // there Newton's steps stay between.
      var f = p / (1 + epsilon / s)
      for _ in 0..<40 {
        let step = (log1p(-f / s) - (f - p) / epsilon) / (1 / (s - f) + 1 / epsilon)
        f += step
        if abs(step) <= 1e-16 * abs(f) { break }
      }
      return f
    }
    // Near s what is left of it is small, and keeps its digits: z = (s − f)/ε, z + log z = y.
    let y = log(s / epsilon) + (s - p) / epsilon
    var l = y > 1 ? log(y) : y
    for _ in 0..<40 {
      let z = exp(l)
      let step = (z + l - y) / (z + 1)
      l -= step
      if abs(step) <= 1e-16 * max(1, abs(l)) { break }
    }
    return s - epsilon * exp(l)
  }

  /// The marginal that a potential asks for; `r` decides where a whole interval is right.
  func marginal(at f: Double, mass a: Double, reached r: Double) -> Double {
    switch self {
    case .exact: return a
    case .kullbackLeibler(let rho): return a * exp(-f / rho)
    case .totalVariation(let rho):
      if f >= rho { return min(r, a) }
      return f <= -rho ? max(r, a) : a
    case .squares(let rho): return max(0, a - f / rho)
    }
  }

  /// A row's term of the dual.
  func dual(at f: Double, mass a: Double) -> Double {
    switch self {
    case .exact: return a * f
    case .kullbackLeibler(let rho): return -rho * a * expm1(-f / rho)
    case .totalVariation(let rho): return a * min(rho, f)
    case .squares(let rho): return f <= rho * a ? a * f - f * f / (2 * rho) : rho * a * a / 2
    }
  }

  /// A row's term of the primal.
  func penalty(of r: Double, mass a: Double) -> Double {
    switch self {
    case .exact: return 0
    case .kullbackLeibler(let rho): return rho * ((r > 0 ? r * log(r / a) : 0) - r + a)
    case .totalVariation(let rho): return rho * abs(r - a)
    case .squares(let rho): return rho / 2 * (r - a) * (r - a)
    }
  }

  func checked(_ side: String) throws(TransportError) {
    guard case .exact = self else {
      guard strength > 0, strength <= CostRange.strengthLimit else {
        throw TransportError(
          .badSetting, "the \(side) penalty's strength is \(strength)", at: "unbalanced problem",
          remedy: "Give a strength above 0, of at most \(CostRange.strengthLimit), or the penalty "
            + "`.exact`.")
      }
      return
    }
  }
}

/// One side of a problem as Sinkhorn's steps see it: masses above 0, and what missing them costs.
struct MarginalSide: Sendable {
  let masses: [Double]
  let penalty: MarginalPenalty

  /// New scalings of some rows from the sums of their entries, `θ` beyond the plain step; the
  /// kernel stands around the potentials `f`.
  func rescale(
    _ rows: Range<Int>, f: [Double], u: Span<Double>, sums: Span<Double>, theta: Double,
    epsilon: Double, into fresh: inout MutableSpan<Double>
  ) {
    if case .exact = penalty {
      CostKernels.relaxedScalings(u, sums: sums, theta: theta, into: &fresh)
      return
    }
    var steps = [Double](repeating: 0, count: rows.count)
    var logs = steps
    var view = steps.mutableSpan
    CostKernels.logarithms(sums, into: &view)
    if theta != 1 {
      var logsView = logs.mutableSpan
      CostKernels.logarithms(u, into: &logsView)
    }
    for (k, i) in rows.enumerated() {
      let p = f[i] - epsilon * steps[k]
      let plain = (penalty.potential(for: p, mass: masses[i], epsilon: epsilon) - f[i]) / epsilon
      // Far from the solution a step may be of any size: what it does not do now it does next.
      let step = theta == 1 ? plain : logs[k] + theta * (plain - logs[k])
      steps[k] = max(-Self.stepGreatest, min(Self.stepGreatest, step))
    }
    CostKernels.exponentials(steps.span, into: &fresh)
  }

  /// Scalings stay numbers, and so do their products with masses.
  private static let stepGreatest = 300.0
}
