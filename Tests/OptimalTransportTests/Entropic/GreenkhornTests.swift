// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Greenkhorn")
struct GreenkhornTests {
  @Test("ends where Sinkhorn does", arguments: seeds(4), [0.5, 0.05])
  func agrees(seed: Seed, share: Double) throws {
    var random = SplitMix64(seed)
    let problem = try LinearProblem(
      PointCloud(
        samplePoints(&random, count: 20, dimensions: 2),
        samplePoints(&random, count: 26, dimensions: 2)),
      rowMasses: sampleMasses(&random, count: 20, holes: true),
      columnMasses: sampleMasses(&random, count: 26))
    let greedy = try Greenkhorn(.shareOfMeanCost(share), tolerance: 1e-9).solve(problem)
    let plain = try Sinkhorn(.shareOfMeanCost(share), tolerance: 1e-10).solve(problem)
    #expect(abs(greedy.transportCost - plain.transportCost) < 1e-8)
    #expect(greedy.certificate.marginalError <= 1e-9 && abs(greedy.certificate.gap) < 1e-8)
  }

  @Test("settings out of range are said exactly")
  func refusals() throws {
    let problem = try LinearProblem(DenseCost([1], rows: 1, columns: 1))
    #expect(
      message { _ = try Greenkhorn(.epsilon(1), updatesMax: 0).solve(problem) }
        == "setting-out-of-range: updatesMax is 0 (greenkhorn). Allow at least 1 update."
    )
  }
}
