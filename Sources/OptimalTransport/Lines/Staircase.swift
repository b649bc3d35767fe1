// SPDX-License-Identifier: Apache-2.0

/// The walk from the least pair to the greatest, one row or one column at a time, with the mass
/// and the potentials that it gives.
struct Staircase {
  private var rows: [Int32]
  private var columns: [Int32]
  private var masses: [Double]
  private var f: [Double]
  private var g: [Double]
  private var primal = CompensatedSum()
  private(set) var greatestCost = 0.0

  init(
    _ rowSide: SortedSide, _ columnSide: SortedSide, _ problem: LinearProblem, power: Double
  ) {
    let n = rowSide.values.count
    let m = columnSide.values.count
    var f = [Double](repeating: 0, count: n)
    var g = [Double](repeating: 0, count: m)
    var rows: [Int32] = []
    var columns: [Int32] = []
    var masses: [Double] = []
    rows.reserveCapacity(max(n, m))
    columns.reserveCapacity(max(n, m))
    masses.reserveCapacity(max(n, m))
    let xs = rowSide.values.span
    let ys = columnSide.values.span
    let rowPlaces = rowSide.places.span
    let columnPlaces = columnSide.places.span
    let a = problem.rowMasses
    let b = problem.columnMasses
    var i = 0
    var j = 0
    var row = Int(rowPlaces[0])
    var column = Int(columnPlaces[0])
    var left = a[row]
    var room = b[column]
    var cost = lineCost(xs[0] - ys[0], power)
    // The potentials of the present row and column: the walk hands them on.
    var fHere = 0.0
    var gHere = cost
    g[column] = cost
    while true {
      greatestCost = cost > greatestCost ? cost : greatestCost
      // The last of one side takes what rounding leaves of the other.
      let amount = i == n - 1 ? room : j == m - 1 ? left : min(left, room)
      if amount > 0 {
        rows.append(Int32(truncatingIfNeeded: row))
        columns.append(Int32(truncatingIfNeeded: column))
        masses.append(amount)
        primal.add(amount * cost)
      }
      if i == n - 1, j == m - 1 { break }
      if j == m - 1 || (i < n - 1 && left <= room) {
        room = max(0, room - left)
        i += 1
        row = Int(rowPlaces[i])
        left = a[row]
        cost = lineCost(xs[i] - ys[j], power)
        fHere = cost - gHere
        f[row] = fHere
      } else {
        left = max(0, left - room)
        j += 1
        column = Int(columnPlaces[j])
        room = b[column]
        cost = lineCost(xs[i] - ys[j], power)
        gHere = cost - fHere
        g[column] = gHere
      }
    }
    self.f = f
    self.g = g
    self.rows = rows
    self.columns = columns
    self.masses = masses
  }

  func solution(of problem: LinearProblem) -> TransportSolution {
    var rowSums = [Double](repeating: 0, count: f.count)
    var columnSums = [Double](repeating: 0, count: g.count)
    var sortedRows = [Int](repeating: 0, count: rows.count)
    var sortedColumns = sortedRows
    var sortedMasses = masses
    do {
      // Entries of a coupling stand row after row: a count for each row, then each to its place.
      var starts = [Int32](repeating: 0, count: f.count + 1)
      var start = starts.mutableSpan
      let from = rows.span
      let to = columns.span
      let amounts = masses.span
      for k in from.indices { start[Int(from[k]) + 1] += 1 }
      for row in f.indices { start[row + 1] += start[row] }
      var sortedRow = sortedRows.mutableSpan
      var sortedColumn = sortedColumns.mutableSpan
      var sortedMass = sortedMasses.mutableSpan
      var rowSum = rowSums.mutableSpan
      var columnSum = columnSums.mutableSpan
      for k in from.indices {
        let row = Int(from[k])
        let at = Int(start[row])
        start[row] += 1
        sortedRow[at] = row
        sortedColumn[at] = Int(to[k])
        sortedMass[at] = amounts[k]
        rowSum[row] += amounts[k]
        columnSum[Int(to[k])] += amounts[k]
      }
    }
    var dual = CompensatedSum()
    for i in f.indices { dual.add(problem.rowMasses[i] * f[i]) }
    for j in g.indices { dual.add(problem.columnMasses[j] * g[j]) }
    return TransportSolution(
      coupling: .sparse(
        SparseCoupling(
          rowCount: f.count, columnCount: g.count, rows: sortedRows, columns: sortedColumns,
          masses: sortedMasses)),
      rowPotentials: f, columnPotentials: g, transportCost: primal.value,
      certificate: Certificate(
        primal: primal.value, dual: dual.value, coupled: rowSums, columnSums,
        problem: problem.rowMasses, problem.columnMasses),
      iterations: rows.count, isConverged: true)
  }
}
