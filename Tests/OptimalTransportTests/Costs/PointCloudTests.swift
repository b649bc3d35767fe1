// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Foundation
import Testing

@Suite("Point clouds")
struct PointCloudTests {
  @Test("every cost is what its formula says", arguments: seeds(6))
  func formulas(seed: Seed) throws {
    var random = SplitMix64(seed)
    let d = Int(seed.value)
    let x = try samplePoints(&random, count: 5, dimensions: d)
    let y = try samplePoints(&random, count: 7, dimensions: d)
    let formulas: [(PointCost, (ArraySlice<Double>, ArraySlice<Double>) -> Double)] = [
      (.squaredEuclidean, { zip($0, $1).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }),
      (.euclidean, { sqrt(zip($0, $1).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }) }),
      (.manhattan, { zip($0, $1).reduce(0) { $0 + abs($1.0 - $1.1) } }),
      (
        .cosine,
        { x, y in
          let dot = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
          let lengths = sqrt(x.reduce(0) { $0 + $1 * $1 }) * sqrt(y.reduce(0) { $0 + $1 * $1 })
          return 1 - dot / lengths
        }
      ),
      (.custom({ $0.first! * 2 - $1.last! }), { $0.first! * 2 - $1.last! }),
    ]
    for (cost, formula) in formulas {
      let cloud = try PointCloud(x, y, cost: cost)
      for i in 0..<5 {
        for j in 0..<7 {
          #expect(abs(cloud.cost(i, j) - formula(x[i], y[j])) < 1e-14)
        }
      }
    }
  }

  @Test("f32 points are the same points")
  func floats() throws {
    let points = try Points(floats: [0.5, 0.25, 1, 3], dimensions: 2)
    #expect(points == (try Points([0.5, 0.25, 1, 3], dimensions: 2)))
    #expect(points.count == 2 && points.dimensions == 2)
  }

  @Test("cosines of huge points do not overflow, nor fall below 0")
  func hugeCosine() throws {
    let x = try Points([1e200, 1e200, 3e-200, 3e-200], dimensions: 2)
    let cloud = try PointCloud(x, x, cost: .cosine)
    for i in 0..<2 {
      for j in 0..<2 { #expect(cloud.cost(i, j) >= 0 && cloud.cost(i, j) < 1e-15) }
    }
  }

  @Test("a point that is none is named")
  func refusals() throws {
    #expect(
      message { _ = try Points([1, .nan, 2, 3], dimensions: 2) }
        == "point-out-of-range: coordinate 1 is nan (point 0). Leave the point out, or give its coordinate."
    )
    #expect(
      message { _ = try Points([1, 2, 3], dimensions: 2) }
        == "shape-mismatch: 3 numbers for points of 2 dimensions (points). Give dimensions numbers for each point, and at least one point."
    )
    #expect(
      message { _ = try Points([], dimensions: 2) }
        == "shape-mismatch: 0 numbers for points of 2 dimensions (points). Give dimensions numbers for each point, and at least one point."
    )
    let plane = try Points([1, 2, 0, 0], dimensions: 2)
    let line = try Points([1.0], dimensions: 1)
    #expect(
      message { _ = try PointCloud(plane, line) }
        == "shape-mismatch: sources have 2 dimensions, targets 1 (point cloud). Give both the same coordinates."
    )
    #expect(
      message { _ = try PointCloud(plane, plane, cost: .cosine) }
        == "point-out-of-range: the cosine of a point at the origin is not defined (source 1). Leave the point out, or choose another cost."
    )
  }
}
