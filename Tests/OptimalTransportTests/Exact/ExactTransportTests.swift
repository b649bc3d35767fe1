// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Testing

@Suite("Exact transport")
struct ExactTransportTests {
  /// Two points a side; costs 1 straight, 3 across.
  private func problem(_ a: [Double]?, _ b: [Double]?) throws -> LinearProblem {
    try LinearProblem(
      DenseCost([1, 3, 3, 1], rows: 2, columns: 2), rowMasses: a, columnMasses: b)
  }

  @Test("equal masses are a matching: no pivot limit is asked for")
  func equal() throws {
    // A simplex that may not pivot tells which solver ran.
    let solver = ExactTransport(simplex: NetworkSimplex(pivotsMax: 0))
    #expect(try solver.solve(problem(nil, nil)).transportCost == 1)
    #expect(try solver.solve(problem([0.5, 0.5], [0.5, 0.5])).transportCost == 1)
  }

  @Test("masses that differ, and rectangular problems, go to the simplex")
  func unequal() throws {
    let solution = try ExactTransport().solve(problem([0.75, 0.25], [0.5, 0.5]))
    #expect(abs(solution.transportCost - (0.75 * 1 + 0.25 * 3)) < 1e-12)
    let wide = try LinearProblem(DenseCost([1, 2, 3], rows: 1, columns: 3))
    #expect(abs(try ExactTransport().solve(wide).transportCost - 2) < 1e-12)
  }
}
