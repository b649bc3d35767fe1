// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Foundation

/// Hazards that are proportional to `exp(β·x)`, fitted by partial likelihood (Cox 1972), ties as
/// Breslow has them (1974).
package struct CoxModel: Sendable {
  /// β, `[d]`.
  package let coefficients: [Double]
  /// The logarithm of the partial likelihood.
  package let logLikelihood: Double

  /// How many Newton steps are made at most.
  private static let stepsMax = 100

  /// Fitted by Newton's method with halved steps; nil where the likelihood has no single top: a
  /// feature is a sum of others, or tells without fail who is next.
  ///
  /// - Parameters:
  ///   - features: `[n, d]`, of sizes that are not far from 1.
  ///   - penalty: `penalty/2 ‖β‖²` is taken from the likelihood.
  package init?(
    _ features: [Double], dimensions: Int, _ watched: CensoredTimes, penalty: Double = 0
  ) {
    precondition(
      features.count == watched.count * dimensions,
      "\(features.count) features for \(watched.count) times of \(dimensions)")
    let order = watched.times.indices.sorted { watched.times[$0] > watched.times[$1] }
    let here = Descent(features, dimensions, watched, order: order, penalty: penalty)
    var beta = [Double](repeating: 0, count: dimensions)
    var now = here.state(at: beta)
    for _ in 0..<Self.stepsMax {
      guard let step = solveSymmetric(now.curvature, now.slope) else { return nil }
      let rise = zip(step, now.slope).reduce(0) { $0 + $1.0 * $1.1 }
      // Half of it is what a step still gains.
      if rise <= 1e-22 * max(1, abs(now.value)) {
        coefficients = beta
        logLikelihood = now.value
        return
      }
      var length = 1.0
      var next = zip(beta, step).map { $0 + $1 }
      var then = here.state(at: next)
      // Near the top its own rounding hides what there is to gain.
      while rise > 1e-10 * max(1, abs(now.value)),
        !(then.value >= now.value + 1e-4 * length * rise)
      {
        length /= 2
        guard length > 1e-6 else { return nil }
        next = zip(beta, step).map { $0 + length * $1 }
        then = here.state(at: next)
      }
      if zip(beta, next).allSatisfy({ $0 == $1 }) || (rise <= 1e-16 && then.value <= now.value) {
        coefficients = beta
        logLikelihood = now.value
        return
      }
      (beta, now) = (next, then)
      // Where it still rises out here, it has no top.
      guard beta.allSatisfy({ abs($0) < 1e4 }) else { return nil }
    }
    return nil
  }

  /// `β·x` of each.
  package func risks(_ features: [Double]) -> [Double] {
    let d = coefficients.count
    return (0..<features.count / d).map { i in
      (0..<d).reduce(0) { $0 + coefficients[$1] * features[i * d + $1] }
    }
  }

  /// The partial likelihood, from the last time to the first.
  private struct Descent {
    let features: [Double]
    let d: Int
    let watched: CensoredTimes
    let order: [Int]
    let penalty: Double

    init(
      _ features: [Double], _ d: Int, _ watched: CensoredTimes, order: [Int], penalty: Double
    ) {
      self.features = features
      self.d = d
      self.watched = watched
      self.order = order
      self.penalty = penalty
    }

    /// Its value, its slope, and its negated curvature.
    func state(at beta: [Double]) -> (value: Double, slope: [Double], curvature: [Double]) {
      let logits = (0..<watched.count).map { i in
        (0..<d).reduce(0) { $0 + beta[$1] * features[i * d + $1] }
      }
      let highest = logits.max() ?? 0
      var sum = 0.0
      var first = [Double](repeating: 0, count: d)
      var second = [Double](repeating: 0, count: d * d)
      var value = -penalty / 2 * beta.reduce(0) { $0 + $1 * $1 }
      var slope = beta.map { -penalty * $0 }
      var curvature = [Double](repeating: 0, count: d * d)
      for j in 0..<d { curvature[j * d + j] = penalty }
      var at = 0
      while at < order.count {
        let time = watched.times[order[at]]
        var end = at
        while end < order.count, watched.times[order[end]] == time {
          let i = order[end]
          let weight = exp(logits[i] - highest)
          sum += weight
          for j in 0..<d {
            let part = weight * features[i * d + j]
            first[j] += part
            for k in 0...j { second[j * d + k] += part * features[i * d + k] }
          }
          end += 1
        }
        for i in order[at..<end] where watched.events[i] {
          value += logits[i] - highest - log(sum)
          for j in 0..<d {
            let mean = first[j] / sum
            slope[j] += features[i * d + j] - mean
            for k in 0...j {
              let spread = second[j * d + k] / sum - mean * first[k] / sum
              curvature[j * d + k] += spread
              if k < j { curvature[k * d + j] += spread }
            }
          }
        }
        at = end
      }
      return (value, slope, curvature)
    }
  }
}
