// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// A first basis of the simplex from what an auction found: arcs that carry mass there, leaves
/// first, so that a tree of them gets its own masses back; then what is cheapest at its prices.
struct StartingTree {
  /// A row sends an amount to a column.
  struct Arc {
    let row: Int
    let column: Int
    let amount: Int
  }

  /// Basic arcs with their mass, `n + m − 1` of them in the end.
  private(set) var arcs: [(row: Int, column: Int, mass: Double)] = []
  private var massLeft: [Double]
  private var room: [Double]
  private var rowsLeft: Int
  private var columnsLeft: Int
  private var isRowDone: [Bool]
  private var isColumnDone: [Bool]

  /// - Parameters:
  ///   - held: what carries mass, in any order; masses need not fit exactly.
  ///   - v: the columns' potentials, for what is left over.
  init(
    _ a: [Double], _ b: [Double], held: [Arc], potentials v: [Double], _ source: inout RowSource
  ) throws(TransportError) {
    massLeft = a
    room = b
    rowsLeft = a.count
    columnsLeft = b.count
    isRowDone = Array(repeating: false, count: a.count)
    isColumnDone = Array(repeating: false, count: b.count)
    arcs.reserveCapacity(a.count + b.count - 1)
    for arc in Self.leavesFirst(held, rows: a.count, columns: b.count)
    where !isRowDone[arc.row] && !isColumnDone[arc.column] {
      place(arc.row, arc.column)
    }
    // A column that is done is as dear as can be.
    var open = v
    for j in b.indices where isColumnDone[j] { open[j] = -.infinity }
    for i in a.indices where !isRowDone[i] {
      try checkCancelled("network simplex")
      source.load(i)
      while !isRowDone[i], rowsLeft > 0 {
        guard let (j, _) = CostKernels.least(source.current, minus: open.span) else { break }
        place(i, j)
        if isColumnDone[j] { open[j] = -.infinity }
      }
    }
  }

  /// Makes an arc basic.
  ///
  /// It exhausts either the row or the column, never both, as if every row had an infinitesimal mass
  /// more and the last column took them all: that makes the tree spanning and strongly feasible.
  private mutating func place(_ i: Int, _ j: Int) {
    guard rowsLeft > 0 else { return }
    let isShort = room[j] < massLeft[i] || (room[j] == massLeft[i] && j != room.count - 1)
    // The last row fills all columns but one, which takes what rounding leaves.
    if columnsLeft > 1, isShort || rowsLeft == 1 {
      arcs.append((i, j, room[j]))
      massLeft[i] = max(0, massLeft[i] - room[j])
      isColumnDone[j] = true
      columnsLeft -= 1
    } else {
      arcs.append((i, j, massLeft[i]))
      room[j] = max(0, room[j] - massLeft[i])
      isRowDone[i] = true
      rowsLeft -= 1
    }
  }

  /// The arcs in the order in which their ends become leaves when those before are taken away; of
  /// circles the smallest amount waits for the end.
  private static func leavesFirst(_ arcs: [Arc], rows: Int, columns: Int) -> [Arc] {
    var starts = [Int](repeating: 0, count: rows + columns + 1)
    for arc in arcs {
      starts[arc.row + 1] += 1
      starts[rows + arc.column + 1] += 1
    }
    for node in 0..<rows + columns { starts[node + 1] += starts[node] }
    var degree = (0..<rows + columns).map { starts[$0 + 1] - starts[$0] }
    var filled = starts
    var arcsOf = [Int](repeating: 0, count: 2 * arcs.count)
    for k in arcs.indices {
      for node in [arcs[k].row, rows + arcs[k].column] {
        arcsOf[filled[node]] = k
        filled[node] += 1
      }
    }
    var isTaken = [Bool](repeating: false, count: arcs.count)
    var leaves = degree.indices.filter { degree[$0] == 1 }
    var at = 0
    var order: [Arc] = []
    order.reserveCapacity(arcs.count)
    var late: [Arc] = []
    func take(_ k: Int) {
      isTaken[k] = true
      for node in [arcs[k].row, rows + arcs[k].column] {
        degree[node] -= 1
        if degree[node] == 1 { leaves.append(node) }
      }
    }
    for smallest in arcs.indices.sorted(by: { (arcs[$0].amount, $0) < (arcs[$1].amount, $1) }) {
      while at < leaves.count {
        let leaf = leaves[at]
        at += 1
        let own = arcsOf[starts[leaf]..<starts[leaf + 1]]
        guard degree[leaf] == 1, let k = own.first(where: { !isTaken[$0] }) else { continue }
        order.append(arcs[k])
        take(k)
      }
      if !isTaken[smallest] {
        late.append(arcs[smallest])
        take(smallest)
      }
    }
    while at < leaves.count {
      let leaf = leaves[at]
      at += 1
      let own = arcsOf[starts[leaf]..<starts[leaf + 1]]
      guard degree[leaf] == 1, let k = own.first(where: { !isTaken[$0] }) else { continue }
      order.append(arcs[k])
      take(k)
    }
    return order + late
  }
}
