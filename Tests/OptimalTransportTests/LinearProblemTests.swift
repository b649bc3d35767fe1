// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Testing

@Suite("Linear problems")
struct LinearProblemTests {
  private func cost() throws -> DenseCost {
    try DenseCost([1, 2, 3, 4, 5, 6], rows: 2, columns: 3)
  }

  @Test("masses left out are equal, with the other side's total")
  func defaults() throws {
    let both = try LinearProblem(cost())
    #expect(both.rowMasses == [0.5, 0.5] && both.mass == 1)
    let one = try LinearProblem(cost(), columnMasses: [1, 2, 3])
    #expect(one.rowMasses == [3, 3] && one.columnMasses == [1, 2, 3] && one.mass == 6)
    let other = try LinearProblem(cost(), rowMasses: [1, 5])
    #expect(other.columnMasses == [2, 2, 2])
  }

  @Test("totals that differ by rounding are made equal")
  func rounding() throws {
    let problem = try LinearProblem(
      cost(), rowMasses: [1, 1], columnMasses: [1, 0.5, 0.5 + 1e-10])
    #expect(abs(problem.columnMasses.reduce(0, +) - 2) < 1e-15)
  }

  @Test("masses that are none are named")
  func refusals() throws {
    func refusal(_ rows: [Double]?, _ columns: [Double]?) -> String? {
      message { _ = try LinearProblem(cost(), rowMasses: rows, columnMasses: columns) }
    }
    #expect(
      refusal([1], nil)
        == "shape-mismatch: 1 masses for 2 rows (row masses). Give one mass for each row.")
    #expect(
      refusal(nil, [1, -1, 1])
        == "mass-out-of-range: the mass is -1.0 (column 1). Masses must be finite and at least 0.")
    #expect(
      refusal([.nan, 1], nil)
        == "mass-out-of-range: the mass is nan (row 0). Masses must be finite and at least 0.")
    #expect(
      refusal([0, 0], nil)
        == "mass-out-of-range: the total mass is 0.0 (row masses). Give at least one mass above 0, and a total of at most 1e+25."
    )
    // Products of masses would be no numbers.
    #expect(
      refusal([1e25, 1e25], nil)
        == "mass-out-of-range: the total mass is 2e+25 (row masses). Give at least one mass above 0, and a total of at most 1e+25."
    )
    #expect(
      refusal([1, 1], [1, 1, 1])
        == "mass-unequal: rows have a mass of 2.0 and columns of 3.0 (linear problem). Scale one side to the other's total."
    )
  }
}
