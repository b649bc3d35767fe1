// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

@Suite("Gradients of progressive partial transport")
struct PartialPullbackTests {
  /// A problem, and weights for the loss `Σ w Q`.
  private struct Problem {
    let n: Int
    let k: Int
    let costs: [Double]
    let weights: [Double]
    let solver: ProgressivePartial

    init(_ seed: Seed, share: Double, sizePenalty: Double) {
      var random = SplitMix64(seed)
      n = Int.random(in: 1...12, using: &random)
      k = Int.random(in: 1...5, using: &random)
      costs = (0..<n * k).map { _ in Double.random(in: 0...1, using: &random) }
      weights = (0..<n * k).map { _ in Double.random(in: -1...1, using: &random) }
      solver = ProgressivePartial(share: share, sizePenalty: sizePenalty, tolerance: 1e-12)
    }

    func solution(_ costs: [Double]) throws -> ProgressivePartial.Solution {
      try solver.solve(DenseCost(costs, rows: n, columns: k))
    }

    func loss(_ costs: [Double]) throws -> Double {
      zip(try solution(costs).coupling.masses, weights).reduce(0) { $0 + $1.0 * $1.1 }
    }
  }

  @Test(
    "the gradient is that of finite differences", arguments: seeds(6),
    [(0.3, 1.0), (1, 1), (0.9, 0.05), (0.5, 100)])
  func differences(seed: Seed, setting: (share: Double, sizePenalty: Double)) throws {
    let problem = Problem(seed, share: setting.share, sizePenalty: setting.sizePenalty)
    let slope = try PartialPullback(problem.solution(problem.costs)).costGradient(
      of: problem.weights)
    let greatest = slope.reduce(1e-3) { max($0, abs($1)) }
    for at in problem.costs.indices {
      var (up, down) = (problem.costs, problem.costs)
      up[at] += 1e-5
      down[at] -= 1e-5
      let difference = try (problem.loss(up) - problem.loss(down)) / 2e-5
      #expect(abs(difference - slope[at]) < 1e-6 * greatest)
    }
  }

  @Test(
    "the gradient is that of unrolled passes", arguments: seeds(6),
    [(0.3, 1.0), (1, 1), (0.8, 0.1)])
  func unrolled(seed: Seed, setting: (share: Double, sizePenalty: Double)) throws {
    let problem = Problem(seed, share: setting.share, sizePenalty: setting.sizePenalty)
    var random = SplitMix64(seed.derived("direction"))
    let direction = problem.costs.map { _ in Double.random(in: -1...1, using: &random) }
    let (n, k, epsilon) = (problem.n, problem.k, problem.solver.epsilon)
    let columns = setting.share == 1 ? k : k + 1
    func cost(_ i: Int, _ j: Int) -> (Double, Double) {
      j < k ? (problem.costs[i * k + j], direction[i * k + j]) : (0, 0)
    }
    // Passes of scaling in the log domain, each number with its derivative along the direction.
    var g = [(Double, Double)](repeating: (0, 0), count: columns)
    var f = [(Double, Double)](repeating: (0, 0), count: n)
    func soft(_ terms: [(Double, Double)]) -> (Double, Double) {
      let most = terms.map(\.0).max()!
      let parts = terms.map { exp(($0.0 - most) / epsilon) }
      let sum = parts.reduce(0, +)
      return (
        most + epsilon * log(sum), zip(parts, terms).reduce(0) { $0 + $1.0 / sum * $1.1.1 }
      )
    }
    func rows() {
      for i in 0..<n {
        let s = soft((0..<columns).map { (g[$0].0 - cost(i, $0).0, g[$0].1 - cost(i, $0).1) })
        f[i] = (-epsilon * log(Double(n)) - s.0, -s.1)
      }
    }
    for _ in 0..<5_000 {
      rows()
      for j in 0..<columns {
        let s = soft((0..<n).map { (f[$0].0 - cost($0, j).0, f[$0].1 - cost($0, j).1) })
        let wanted = j < k ? setting.share / Double(k) : 1 - setting.share
        let pull = j < k ? setting.sizePenalty / (setting.sizePenalty + epsilon) : 1
        g[j] = (pull * (epsilon * log(wanted) - s.0), -pull * s.1)
      }
    }
    rows()
    var change = 0.0
    for i in 0..<n {
      for j in 0..<k {
        let c = cost(i, j)
        let mass = exp((f[i].0 + g[j].0 - c.0) / epsilon)
        change += problem.weights[i * k + j] * mass / epsilon * (f[i].1 + g[j].1 - c.1)
      }
    }
    let slope = try PartialPullback(problem.solution(problem.costs)).costGradient(
      of: problem.weights)
    let implicit = zip(slope, direction).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(implicit - change) < 1e-6 * max(1e-3, abs(change)))
  }

  @Test("a cluster that the prior leaves empty takes part in nothing")
  func empty() throws {
    let costs = try DenseCost([0.1, 0.9, 0.2, 0.7, 0.4, 0.3], rows: 2, columns: 3)
    let solution = try ProgressivePartial(share: 0.6).solve(costs, prior: [1, 1, 0])
    let two = try ProgressivePartial(share: 0.6).solve(
      DenseCost([0.1, 0.9, 0.7, 0.4], rows: 2, columns: 2))
    let slope = try PartialPullback(solution).costGradient(of: [1, 2, 5, -1, 3, 7])
    let own = try PartialPullback(two).costGradient(of: [1, 2, -1, 3])
    #expect(difference([0, 1, 3, 4].map { slope[$0] }, own) < 1e-9)
    #expect(slope[2] == 0 && slope[5] == 0)
  }

  @Test("numbers for other entries are refused")
  func refusals() throws {
    let solution = try ProgressivePartial(share: 1).solve(DenseCost([0, 1], rows: 1, columns: 2))
    #expect(
      message { _ = try PartialPullback(solution).costGradient(of: [1]) }
        == "shape-mismatch: 1 numbers for 2 entries (partial pullback). Give one for each entry, row after row."
    )
  }
}
