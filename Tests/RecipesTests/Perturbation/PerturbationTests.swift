// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryRecipes
import Testing

@Suite("Drugs that were never tried")
struct PerturbationTests {
  @Test("which drugs are not trained is the same whatever the seed, and the cells are not")
  func heldOut() throws {
    let reports = try (1...4 as ClosedRange<UInt64>).map { seed in
      try RecipeReport(
        Perturbation(),
        in: RecipeRun(
          budget: .smoke, seed: Seed(seed), data: MadeDigits.shelf, now: { .zero }))
    }
    let untrained = reports.map { report in
      report.tables.flatMap(\.rows).filter { $0[0] == "drugs that are not trained" }
    }
    #expect(untrained[0].count == 1 && untrained.allSatisfy { $0 == untrained[0] })
    #expect(reports[0].tables[0] != reports[1].tables[0])
  }

  @Test("a gap left is a share of what there was; where that was rounding, nothing was taken")
  func gapLeft() {
    #expect(Perturbation.gapLeft(1e-3, of: 1e-2, way: 1) == 0.1)
    #expect(Perturbation.gapLeft(-1e-17, of: 1e-2, way: 1) == 0)
    #expect(Perturbation.gapLeft(-8e-17, of: -1.6e-16, way: 1.3) == 1)
    #expect(Perturbation.gapLeft(1e-17, of: 1e-15, way: 1.3) == 1)
  }
}
