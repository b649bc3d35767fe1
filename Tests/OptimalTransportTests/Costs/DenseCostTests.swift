// SPDX-License-Identifier: Apache-2.0

import FerryOptimalTransport
import Testing

@Suite("Dense costs")
struct DenseCostTests {
  @Test("a copy of a geometry has its costs")
  func copies() throws {
    let cloud = try PointCloud(
      Points([0.0, 1, 2], dimensions: 1), Points([0.0, 5], dimensions: 1))
    let dense = try DenseCost(copying: cloud)
    #expect(dense.rowCount == 3 && dense.columnCount == 2)
    #expect(dense.costs == [0, 25, 1, 16, 4, 9])
    #expect(dense.cost(2, 1) == 9)
  }

  @Test("least, greatest and mean are those of the entries")
  func ranges() throws {
    let range = try CostRange(of: DenseCost([1, -2, 6, 3], rows: 2, columns: 2))
    #expect(range.least == -2 && range.greatest == 6 && range.mean == 2)
    #expect(range.meanRowLeast == 0.5 && range.magnitude == 6)
  }

  @Test("costs that are none are named")
  func refusals() throws {
    #expect(
      message { _ = try DenseCost([1, 2, 3], rows: 2, columns: 2) }
        == "shape-mismatch: 3 costs for 2 rows and 2 columns (dense cost). Give rows × columns costs, row after row, at least one."
    )
    #expect(
      message { _ = try DenseCost([], rows: 0, columns: 2) }
        == "shape-mismatch: 0 costs for 0 rows and 2 columns (dense cost). Give rows × columns costs, row after row, at least one."
    )
    #expect(
      message { _ = try DenseCost([1, 2, .nan, 4], rows: 2, columns: 2) }
        == "cost-out-of-range: the cost is nan (row 1, column 0). Costs must be finite: scale huge coordinates down, leave out what is NaN."
    )
    let huge = try PointCloud(
      Points([0.0, 1e200], dimensions: 1), Points([1.0, 2], dimensions: 1))
    #expect(
      message { _ = try CostRange(of: huge) }
        == "cost-out-of-range: the cost is inf (row 1, column 0). Costs must be finite: scale huge coordinates down, leave out what is NaN."
    )
    let large = try DenseCost([1, -1e295], rows: 1, columns: 2)
    #expect(
      message { _ = try CostRange(of: large) }
        == "cost-out-of-range: the costs reach -1e+295 (costs). Scale them: sums of costs above 1e+290 overflow."
    )
  }
}
