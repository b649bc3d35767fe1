// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// The map of an entropic solution, for any point: `T(x) = Σ_j p_j(x) y_j`, where
/// `p_j(x) ∝ b_j exp((g_j − c(x, y_j))/ε)` (Pooladian and Niles-Weed 2021, definition 2).
///
/// At the points of the problem it is the barycentric projection.
public struct EntropicMap: Sendable {
  private let cloud: PointCloud
  private let g: [Double]
  private let b: [Double]
  private let epsilon: Double

  /// - Throws: `.badSetting` where the solution is not entropic, or its geometry has no points.
  public init(_ solution: TransportSolution) throws(TransportError) {
    guard case .implicit(let coupling) = solution.coupling,
      let cloud = coupling.geometry as? PointCloud
    else {
      throw TransportError(
        .badSetting, "the solution is not an entropic one between points", at: "entropic map",
        remedy: "Solve a PointCloud with Sinkhorn, or use BarycentricMap.")
    }
    self.cloud = cloud
    g = coupling.g
    b = coupling.b
    epsilon = coupling.epsilon
  }

  /// Images of points, `[k, d]`.
  ///
  /// - Throws: `.shapeMismatch` where dimensions differ, `.badCost` where a cost is not finite.
  public func callAsFunction(_ points: Points) throws(TransportError) -> Points {
    let targets = cloud.targets
    let d = targets.dimensions
    let geometry = try PointCloud(points, targets, cost: cloud.cost)
    var source = RowSource(geometry)
    var images = [Double](repeating: 0, count: points.count * d)
    var shares = [Double](repeating: 0, count: targets.count)
    for i in 0..<points.count {
      if i & 63 == 0 { try checkCancelled("entropic map") }
      source.load(i)
      guard let (_, least) = CostKernels.least(source.current, minus: g.span), least.isFinite else {
        throw TransportError(
          .badCost, "no cost is finite", at: "point \(i)", remedy: "Scale the point down.")
      }
      CostKernels.gibbsRow(
        source.current, g.span, f: least, rate: 1 / epsilon, into: &shares)
      var sum = 0.0
      for j in shares.indices {
        shares[j] *= b[j]
        sum += shares[j]
      }
      guard sum > 0 else {
        // Only where the nearest target has no mass and all others vanish beside it.
        throw TransportError(
          .badMass, "no target with mass is near enough", at: "point \(i)",
          remedy: "Leave out targets without mass, or raise epsilon.")
      }
      for j in shares.indices where shares[j] > 0 {
        let share = shares[j] / sum
        for k in 0..<d { images[i * d + k] += share * targets.coordinates[j * d + k] }
      }
    }
    return try Points(images, dimensions: d)
  }
}
