// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation

extension ConditionalMonge {
  /// Gaps of maps of which it is known whether they are optimal.
  struct GapResult {
    /// The least of all gaps that are bounded below, of any map.
    var least = Double.infinity
    /// The greatest size of the exact gap of optimal maps.
    var optimal = 0.0
    /// The least exact or debiased gap of turns by 40 degrees, over the mean cost.
    var turned = Double.infinity
    var rows: [[String]] = []
  }

  static func gaps(_ run: RecipeRun) throws -> GapResult {
    var chance = run.generator("gaps")
    var result = GapResult()
    let count = run.size(smoke: 20, standard: 200)
    for draw in 0..<run.size(smoke: 1, standard: 5) {
      let points = (0..<2 * count).map { _ in chance.normal() }
      // Symmetric with eigenvalues from 0.5 on: the gradient of a convex function.
      let root = (0..<4).map { _ in chance.normal() }
      let square = matrixProduct(root, transposed(root, rows: 2), inner: 2)
      let convex = matrixProduct(
        points, [0.5 + square[0], square[1], square[2], 0.5 + square[3]], inner: 2
      )
      .enumerated().map { $1 + ($0 % 2 == 0 ? 3 : -1) }
      let angle = 40 * Double.pi / 180
      let turned = matrixProduct(
        points, [cos(angle), sin(angle), -sin(angle), cos(angle)], inner: 2)
      let any = points.map { _ in chance.normal() }
      for (name, images) in [
        ("gradient of a convex function", convex), ("turn by 40 degrees", turned),
        ("any map", any), ("nothing moved", points),
      ] {
        for (costName, cost) in [
          ("squared", PointCost.squaredEuclidean), ("distance", .euclidean),
        ] {
          let soft = Sinkhorn(.shareOfMeanCost(0.05), tolerance: 1e-9)
          let (x, y) = (
            try Points(points, dimensions: 2), try Points(images, dimensions: 2)
          )
          let exact = try MongeGap(cost: cost)(x, y)
          let entropic = try MongeGap(cost: cost, solver: .entropic(soft))(x, y)
          let debiased = try MongeGap(cost: cost, solver: .debiased(soft))(x, y)
          result.least = -Measured.worst([-result.least, -exact.gap, -debiased.gap])
          if name.hasPrefix("gradient"), costName == "squared" {
            result.optimal = Measured.worse(result.optimal, abs(exact.gap))
          }
          if name.hasPrefix("turn"), costName == "squared" {
            result.turned = min(result.turned, min(exact.gap, debiased.gap) / exact.moved)
          }
          guard draw == 0 else { continue }
          result.rows.append([
            "\(name), \(costName)", short(exact.moved), short(exact.gap), short(debiased.gap),
            short(entropic.gap),
          ])
        }
      }
    }
    return result
  }
}
