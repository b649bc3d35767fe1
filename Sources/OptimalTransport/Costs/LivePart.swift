// SPDX-License-Identifier: Apache-2.0

import FerryTensors
import Foundation

/// A problem without the rows and columns that have no mass; they come back with potentials.
///
/// A zero mass is no special case for a coupling, but it is one for logarithms and for degenerate
/// trees.
struct LivePart {
  let problem: LinearProblem
  let rows: [Int]
  let columns: [Int]
  let geometry: any CostGeometry
  let a: [Double]
  let b: [Double]
  /// Whether all are there, in their own order.
  let isWhole: Bool

  /// - Parameter inSpace: whether a cloud's points are to be ordered as they lie in space.
  init(_ problem: LinearProblem, inSpace: Bool = false) {
    self.problem = problem
    var rows = problem.rowMasses.indices.filter { problem.rowMasses[$0] > 0 }
    var columns = problem.columnMasses.indices.filter { problem.columnMasses[$0] > 0 }
    let isComplete =
      rows.count == problem.rowMasses.count && columns.count == problem.columnMasses.count
    if inSpace, let cloud = problem.geometry as? PointCloud {
      rows = SpatialOrder.of(cloud.sources).filter { problem.rowMasses[$0] > 0 }
      columns = SpatialOrder.of(cloud.targets).filter { problem.columnMasses[$0] > 0 }
    }
    isWhole = isComplete && !inSpace
    self.rows = rows
    self.columns = columns
    a = rows.map { problem.rowMasses[$0] }
    b = columns.map { problem.columnMasses[$0] }
    if isWhole {
      geometry = problem.geometry
    } else if let cloud = problem.geometry as? PointCloud,
      let part = try? PointCloud(
        Points(rows.flatMap { cloud.sources[$0] }, dimensions: cloud.sources.dimensions),
        Points(columns.flatMap { cloud.targets[$0] }, dimensions: cloud.sources.dimensions),
        cost: cloud.cost)
    {
      geometry = part
    } else {
      geometry = PartGeometry(whole: problem.geometry, rows: rows, columns: columns)
    }
  }

  /// Potentials of the whole problem from those of the live part: rows and columns without mass
  /// get the c-transform of the others, softened at strength `epsilon` where that is not 0, so
  /// that the whole stays feasible in the dual.
  func extended(
    _ f: [Double], _ g: [Double], epsilon: Double
  ) -> (rows: [Double], columns: [Double]) {
    if isWhole { return (f, g) }
    let n = problem.rowMasses.count
    let m = problem.columnMasses.count
    var rowPotentials = [Double](repeating: 0, count: n)
    var columnPotentials = [Double](repeating: .infinity, count: m)
    for (k, i) in rows.enumerated() { rowPotentials[i] = f[k] }
    if rows.count == n, columns.count == m {
      for (k, j) in columns.enumerated() { columnPotentials[j] = g[k] }
      return (rowPotentials, columnPotentials)
    }
    var source = RowSource(problem.geometry)
    for i in rows {
      source.load(i)
      let costs = source.current
      for j in 0..<m {
        columnPotentials[j] = min(columnPotentials[j], costs[j] - rowPotentials[i])
      }
    }
    if epsilon > 0 {
      var sums = [Double](repeating: 0, count: m)
      let turned = columnPotentials
      for i in rows {
        source.load(i)
        CostKernels.gibbsAdd(
          problem.rowMasses[i], source.current, turned.span, f: rowPotentials[i],
          rate: 1 / epsilon, into: &sums)
      }
      for j in 0..<m { columnPotentials[j] -= epsilon * log(sums[j]) }
    }
    for (k, j) in columns.enumerated() { columnPotentials[j] = g[k] }
    for i in 0..<n where problem.rowMasses[i] == 0 {
      source.load(i)
      let least = CostKernels.least(source.current, minus: columnPotentials.span)!.value
      rowPotentials[i] = least
      if epsilon > 0 {
        let sum = CostKernels.gibbsSum(
          problem.columnMasses.span, source.current, columnPotentials.span, f: least,
          rate: 1 / epsilon)
        rowPotentials[i] -= epsilon * log(max(sum, .leastNormalMagnitude))
      }
    }
    return (rowPotentials, columnPotentials)
  }
}

/// Some rows and columns of a geometry.
private struct PartGeometry: CostGeometry {
  let whole: any CostGeometry
  let rows: [Int]
  let columns: [Int]

  var rowCount: Int { rows.count }
  var columnCount: Int { columns.count }

  func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    var all = [Double](repeating: 0, count: whole.columnCount)
    var view = all.mutableSpan
    whole.fillRow(rows[row], into: &view)
    for (k, j) in columns.enumerated() { costs[k] = all[j] }
  }
}
