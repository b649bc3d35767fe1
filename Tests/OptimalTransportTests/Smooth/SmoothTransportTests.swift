// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryOptimalTransport
import Testing

@Suite("Smooth transport")
struct SmoothTransportTests {
  private func problem(_ seed: Seed, _ n: Int, _ m: Int, holes: Bool = false) throws
    -> LinearProblem
  {
    var random = SplitMix64(seed)
    return try LinearProblem(
      PointCloud(
        samplePoints(&random, count: n, dimensions: 2),
        samplePoints(&random, count: m, dimensions: 2)),
      rowMasses: sampleMasses(&random, count: n, holes: holes),
      columnMasses: sampleMasses(&random, count: m, holes: holes))
  }

  @Test("squares: primal meets dual, and the coupling is sparse", arguments: seeds(5), [0.1, 10])
  func squares(seed: Seed, gamma: Double) throws {
    let problem = try problem(seed, 60, 45, holes: seed.value % 2 == 0)
    let solution = try SmoothTransport(.squares(gamma), tolerance: 1e-11).solve(problem).solution
    #expect(abs(solution.certificate.gap) < 1e-9 && solution.certificate.marginalError < 1e-11)
    guard case .sparse(let coupling) = solution.coupling else {
      Issue.record("a sparse coupling")
      return
    }
    #expect(coupling.masses.count < 60 * 45 / 2)
    // Where there is mass, the dual's own equation holds.
    for k in coupling.rows.indices {
      let (i, j) = (coupling.rows[k], coupling.columns[k])
      let slack =
        solution.rowPotentials[i] + solution.columnPotentials[j] - problem.geometry.cost(i, j)
      #expect(abs(slack - gamma * coupling.masses[k]) < 1e-9)
    }
  }

  @Test("γ to 0 meets exact, from above", arguments: seeds(3))
  func meetsExact(seed: Seed) throws {
    let problem = try problem(seed, 25, 30)
    let exact = try NetworkSimplex().solve(problem).transportCost
    let solution = try SmoothTransport(.squares(1e-4), tolerance: 1e-9).solve(problem).solution
    #expect(solution.transportCost >= exact - 1e-8 && solution.transportCost < exact + 1e-4)
  }

  @Test(
    "no column has more entries than allowed; without ties rows have their mass",
    arguments: seeds(4), [7, 9, 12, 60])
  func sparse(seed: Seed, most: Int) throws {
    // 60 tokens, 10 experts: at least 6 entries a column are needed.
    var random = SplitMix64(seed)
    let problem = try LinearProblem(
      PointCloud(
        samplePoints(&random, count: 60, dimensions: 2),
        samplePoints(&random, count: 10, dimensions: 2)))
    let answer = try SmoothTransport(
      .sparse(30, entriesMax: most), tolerance: 1e-8, iterationsMax: 300, unfinished: .isReturned
    ).solve(problem)
    guard case .sparse(let coupling) = answer.solution.coupling else {
      Issue.record("a sparse coupling")
      return
    }
    for j in 0..<10 { #expect(coupling.columns.count { $0 == j } <= most) }
    #expect(answer.solution.certificate.columnError < 1e-12)
    if answer.tiedColumns.isEmpty {
      #expect(answer.solution.certificate.rowError <= 1e-8)
      #expect(abs(answer.solution.certificate.gap) < 1e-6)
    }
    if most == 60 {
      let squares = try SmoothTransport(.squares(30), tolerance: 1e-8).solve(problem).solution
      #expect(
        abs(squares.certificate.primal - answer.solution.certificate.primal) < 1e-9)
    }
  }

  @Test("settings out of range are said exactly")
  func refusals() throws {
    let problem = try problem(Seed(1), 3, 3)
    #expect(
      message { _ = try SmoothTransport(.sparse(1, entriesMax: 0)).solve(problem) }
        == "setting-out-of-range: γ is 1.0, with 0 entries a column (smooth transport). Give a finite γ above 0, and allow at least 1 entry."
    )
    #expect(
      message { _ = try SmoothTransport(.squares(1), tolerance: 0).solve(problem) }
        == "setting-out-of-range: the tolerance is 0.0 and iterationsMax 2000 (smooth transport). Give a tolerance above 0, and allow at least 1 step."
    )
  }
}
