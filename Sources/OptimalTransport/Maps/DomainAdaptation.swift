// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// Couples labeled sources with targets so that classes are kept apart: adds `η Σ_j Σ_class (s + δ)^½`
/// to the entropic problem, where s is the mass that target j has from a class, so that each takes its
/// mass from few (Courty et al. 2016, section 4.2).
///
/// The added term is concave, and is linearized at the coupling so far: the objective never rises.
public struct DomainAdaptation: Sendable {
  /// Solves each linearized problem.
  public var sinkhorn: Sinkhorn
  /// η ≥ 0, in cost for each root of a mass; 0 ignores the labels.
  public var classStrength: Double
  /// δ > 0, a mass: the root of 0 has no slope. The smaller beside the targets' masses, the sharper
  /// classes are told apart.
  public var leastMass: Double
  /// How many linearizations are made after a solve without the term.
  public var linearizations: Int

  public init(
    _ sinkhorn: Sinkhorn, classStrength: Double = 0, leastMass: Double = 1e-3,
    linearizations: Int = 9
  ) {
    self.sinkhorn = sinkhorn
    self.classStrength = classStrength
    self.leastMass = leastMass
    self.linearizations = linearizations
  }

  /// The coupling.
  public struct Solution: Sendable {
    /// Of the last linearized problem, with its certificate; its costs hold the added term's slope.
    public let solution: TransportSolution
    /// `⟨C, P⟩`, of the costs alone.
    public let transportCost: Double
    /// The added term after each linearization, for the coupling's own masses.
    public let spread: [Double]
  }

  /// Solves the problem.
  ///
  /// - Parameter labels: of the rows, `[n]`, any numbers; below 0 is unknown.
  /// - Throws: `.shapeMismatch` for labels that do not fit, `.badSetting`; else as `Sinkhorn`.
  public func solve(
    _ problem: LinearProblem, labels: [Int]
  ) throws(TransportError) -> Solution {
    let (n, m) = (problem.rowMasses.count, problem.columnMasses.count)
    guard labels.count == n else {
      throw TransportError(
        .shapeMismatch, "\(labels.count) labels for \(n) sources", at: "domain adaptation",
        remedy: "Give one label for each source, below 0 if unknown.")
    }
    guard classStrength >= 0, classStrength.isFinite, leastMass > 0, leastMass.isFinite,
      linearizations >= 0
    else {
      throw TransportError(
        .badSetting,
        "the class strength is \(classStrength), the least mass \(leastMass) and linearizations"
          + " \(linearizations)", at: "domain adaptation",
        remedy: "Give a strength and linearizations of at least 0, and a mass above 0.")
    }
    let costs = try DenseCost(copying: problem.geometry).costs
    var solution = try sinkhorn.solve(problem)
    var spread: [Double] = []
    if classStrength > 0, case .implicit(let first) = solution.coupling {
      // One ε for all problems.
      var solver = sinkhorn
      solver.strength = .epsilon(first.epsilon)
      let classes = Set(labels.filter { $0 >= 0 }).sorted()
      let classOf = labels.map { label in classes.firstIndex(of: label) }
      var roots = self.roots(solution.coupling.dense(), classOf, classes.count)
      for _ in 0..<linearizations {
        var linear = costs
        for i in 0..<n {
          guard let own = classOf[i] else { continue }
          for j in 0..<m { linear[i * m + j] += classStrength / 2 / roots[own * m + j] }
        }
        solution = try solver.solve(
          LinearProblem(
            DenseCost(linear, rows: n, columns: m), rowMasses: problem.rowMasses,
            columnMasses: problem.columnMasses))
        roots = self.roots(solution.coupling.dense(), classOf, classes.count)
        spread.append(classStrength * roots.reduce(0, +))
      }
    }
    return Solution(
      solution: solution,
      transportCost: CompensatedSum.of(solution.coupling.dense().masses, times: costs),
      spread: spread)
  }

  /// `(s + δ)^½` of the mass that each target has from each class, `[classes, m]`.
  private func roots(_ coupling: DenseCoupling, _ classOf: [Int?], _ classes: Int) -> [Double] {
    let m = coupling.columnCount
    var sums = [Double](repeating: leastMass, count: classes * m)
    for (i, own) in classOf.enumerated() {
      guard let own else { continue }
      for j in 0..<m { sums[own * m + j] += coupling[i, j] }
    }
    return sums.map { $0.squareRoot() }
  }
}
