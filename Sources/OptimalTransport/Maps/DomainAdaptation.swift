// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// A map from labeled sources to unlabeled targets whose coupling keeps classes apart: adds
/// `η Σ_j Σ_class (s/m)^½` to the entropic problem, where s is the mass that target j has from a class and
/// m the count of targets, so that each takes its mass from few classes (Courty et al. 2016, section
/// 4.2).
///
/// The added term is concave, and is linearized at the coupling so far: the objective never rises.
public struct DomainAdaptation: Sendable {
  /// Solves each linearized problem.
  public var sinkhorn: Sinkhorn
  /// η ≥ 0, in the unit of cost; 0 ignores the labels.
  public var classStrength: Double
  /// How many linearizations are made.
  public var linearizations: Int

  public init(_ sinkhorn: Sinkhorn, classStrength: Double = 0, linearizations: Int = 10) {
    self.sinkhorn = sinkhorn
    self.classStrength = classStrength
    self.linearizations = linearizations
  }

  /// This share of a target's mass is added to that of each class: the root of 0 has no slope.
  private static let floor = 1e-3

  /// The coupling, and the map that it gives.
  public struct Solution: Sendable {
    /// Of the last linearized problem, with its certificate; its costs hold the added term's slope.
    public let solution: TransportSolution
    /// `⟨C, P⟩`, of the costs alone.
    public let transportCost: Double
    /// Sources, and new points like them, to where the targets are.
    public let map: BarycentricMap
    /// The added term after each linearization, for the coupling's own masses.
    public let spread: [Double]
  }

  /// - Parameters:
  ///   - labels: of the sources, `[n]`, any numbers; below 0 is unknown.
  /// - Throws: `.shapeMismatch` for labels that do not fit, `.badSetting`; else as `Sinkhorn`.
  public func solve(
    _ sources: Points, labels: [Int], _ targets: Points, cost: PointCost = .squaredEuclidean
  ) throws(TransportError) -> Solution {
    guard labels.count == sources.count else {
      throw TransportError(
        .shapeMismatch, "\(labels.count) labels for \(sources.count) sources",
        at: "domain adaptation", remedy: "Give one label for each source, below 0 if unknown.")
    }
    guard classStrength >= 0, classStrength.isFinite, linearizations > 0 else {
      throw TransportError(
        .badSetting, "the class strength is \(classStrength) and linearizations \(linearizations)",
        at: "domain adaptation", remedy: "Give a strength of at least 0 and at least 1.")
    }
    let cloud = try PointCloud(sources, targets, cost: cost)
    var solution = try sinkhorn.solve(LinearProblem(cloud))
    var spread: [Double] = []
    if classStrength > 0, case .implicit(let first) = solution.coupling {
      // One ε for all problems.
      var solver = sinkhorn
      solver.strength = .epsilon(first.epsilon)
      let costs = try DenseCost(copying: cloud).costs
      let (n, m) = (sources.count, targets.count)
      let classes = Set(labels.filter { $0 >= 0 }).sorted()
      let classOf = labels.map { label in classes.firstIndex(of: label) }
      for _ in 0..<linearizations {
        let sums = Self.classMasses(solution.coupling.dense(), classOf, classes.count)
        var linear = costs
        for i in 0..<n {
          guard let own = classOf[i] else { continue }
          for j in 0..<m {
            linear[i * m + j] +=
              classStrength / 2 / (sums[own * m + j] * Double(m) + Self.floor).squareRoot()
          }
        }
        solution = try solver.solve(LinearProblem(DenseCost(linear, rows: n, columns: m)))
        let after = Self.classMasses(solution.coupling.dense(), classOf, classes.count)
        spread.append(
          after.reduce(0) { $0 + ($1 * Double(m) + Self.floor).squareRoot() } * classStrength
            / Double(m))
      }
    }
    let plan = solution.coupling.dense()
    let own = try DenseCost(copying: cloud)
    return Solution(
      solution: solution,
      transportCost: CompensatedSum.of(plan.masses, times: own.costs),
      map: try BarycentricMap(solution.coupling, from: sources, to: targets), spread: spread)
  }

  /// The mass that each target has from each class, `[classes, m]`.
  private static func classMasses(
    _ coupling: DenseCoupling, _ classOf: [Int?], _ classes: Int
  ) -> [Double] {
    let m = coupling.columnCount
    var sums = [Double](repeating: 0, count: classes * m)
    for (i, own) in classOf.enumerated() {
      guard let own else { continue }
      for j in 0..<m { sums[own * m + j] += coupling[i, j] }
    }
    return sums
  }
}
