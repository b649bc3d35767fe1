// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Couplings")
struct CouplingTests {
  @Test("sparse, implicit and dense apply alike to vectors", arguments: seeds(5))
  func apply(seed: Seed) throws {
    var random = SplitMix64(seed)
    let problem = try LinearProblem(
      PointCloud(
        samplePoints(&random, count: 21, dimensions: 2),
        samplePoints(&random, count: 17, dimensions: 2)),
      rowMasses: sampleMasses(&random, count: 21, holes: true))
    let right = (0..<17).map { _ in Double.random(in: -1...1, using: &random) }
    let left = (0..<21).map { _ in Double.random(in: -1...1, using: &random) }
    for coupling in [
      try NetworkSimplex().solve(problem).coupling,
      try Sinkhorn(.shareOfMeanCost(0.05)).solve(problem).coupling,
    ] {
      let dense = coupling.dense()
      #expect(dense.rowCount == 21 && dense.columnCount == 17)
      let forms = [coupling, .dense(dense)]
      for form in forms {
        #expect(form.rowCount == 21 && form.columnCount == 17)
        let product = try form.applied(to: right)
        for i in 0..<21 {
          let expected = (0..<17).reduce(0.0) { $0 + dense[i, $1] * right[$1] }
          #expect(abs(product[i] - expected) < 1e-15)
        }
        let turned = try form.transposeApplied(to: left)
        for j in 0..<17 {
          let expected = (0..<21).reduce(0.0) { $0 + dense[$1, j] * left[$1] }
          #expect(abs(turned[j] - expected) < 1e-15)
        }
      }
      #expect(
        message { _ = try coupling.applied(to: left) }
          == "shape-mismatch: a vector of 21 for 17 columns (coupling). Give one number for each of the columns."
      )
      #expect(
        message { _ = try coupling.transposeApplied(to: right) }
          == "shape-mismatch: a vector of 17 for 21 rows (coupling). Give one number for each of the rows."
      )
    }
  }
}
