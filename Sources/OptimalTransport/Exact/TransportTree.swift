// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryTensors

/// A basis of the transport problem: a spanning tree of rows and columns with the mass on each arc.
///
/// Nodes are rows `0..<n` and columns `n..<n + m`; the root is the last column. An arc runs from
/// its row to its column and is named by its lower node. The tree is *strongly feasible*
/// (Cunningham 1976): every arc without mass leads from a row up to its parent, so that any node
/// can send some mass to the root; pivots then cannot cycle.
struct TransportTree {
  private(set) var u: [Double]
  private(set) var v: [Double]
  private let n: Int
  private let root: Int
  private var parent: [Int32]
  private var mass: [Double]
  private var size: [Int32]
  private var child: [Int32]
  private var next: [Int32]
  private var previous: [Int32]

  /// A tree from its `n + m − 1` arcs, in any order, strongly feasible.
  init(rows: Int, columns: Int, arcs: [(row: Int, column: Int, mass: Double)]) {
    n = rows
    let count = rows + columns
    root = count - 1
    u = Array(repeating: 0, count: rows)
    v = Array(repeating: 0, count: columns)
    parent = Array(repeating: -1, count: count)
    mass = Array(repeating: 0, count: count)
    size = Array(repeating: 1, count: count)
    child = Array(repeating: -1, count: count)
    next = Array(repeating: -1, count: count)
    previous = Array(repeating: -1, count: count)
    precondition(arcs.count == count - 1, "\(arcs.count) arcs for \(count) nodes")
    var neighbors = [[(node: Int, mass: Double)]](repeating: [], count: count)
    for arc in arcs {
      neighbors[arc.row].append((rows + arc.column, arc.mass))
      neighbors[rows + arc.column].append((arc.row, arc.mass))
    }
    var order = [root]
    var at = 0
    while at < order.count {
      let node = order[at]
      at += 1
      for (other, mass) in neighbors[node] where other != Int(parent[node]) {
        attach(other, to: node, mass: mass)
        order.append(other)
      }
    }
    precondition(order.count == count, "the arcs reach \(order.count) of \(count) nodes")
    for node in order.reversed() where node != root { size[Int(parent[node])] += size[node] }
  }

  /// The arcs with mass, row after row.
  var entries: SparseCoupling {
    let arcs = parent.indices.filter { $0 != root && mass[$0] > 0 }.map { node in
      node < n
        ? (row: node, column: Int(parent[node]) - n, mass: mass[node])
        : (row: Int(parent[node]), column: node - n, mass: mass[node])
    }.sorted { ($0.row, $0.column) < ($1.row, $1.column) }
    return SparseCoupling(
      rowCount: n, columnCount: v.count, rows: arcs.map(\.row), columns: arcs.map(\.column),
      masses: arcs.map(\.mass))
  }

  /// Potentials worked out from the arcs' costs again: what many pivots add up in rounding goes.
  mutating func refresh(_ source: RowSource, threads: Threads) {
    // Costs of all arcs first, row by row; then down from the root.
    let costs = SharedBuffer<Double>(count: parent.count)
    let parts = RowParts(rows: n, columns: v.count)
    let (n, parent, child, next) = (n, parent, child, next)
    threads.forEach(parts.count, with: source) { source, part in
      for i in parts[part] {
        source.load(i)
        let row = source.current
        costs[i] = row[Int(parent[i]) - n]
        var c = child[i]
        while c >= 0 {
          costs[Int(c)] = row[Int(c) - n]
          c = next[Int(c)]
        }
      }
    }
    v[root - n] = 0
    visit(from: root, skipping: -1) { tree, node in
      guard node != tree.root else { return }
      let above = Int(tree.parent[node])
      if node < tree.n {
        tree.u[node] = costs[node] - tree.v[above - tree.n]
      } else {
        tree.v[node - tree.n] = costs[node] - tree.u[above]
      }
    }
  }

  /// Brings in the arc from row `i` to column `j`, whose reduced cost is `reduced`.
  mutating func pivot(row i: Int, column j: Int, reduced: Double) {
    let first = i
    let second = n + j
    var x = first
    var y = second
    while x != y {
      if size[x] < size[y] { x = Int(parent[x]) } else { y = Int(parent[y]) }
    }
    let join = x

    // Mass goes round: over the new arc, up from the column to the join, down to the row. Of the
    // arcs that empty first, the last on this way from the join leaves.
    var most = Double.infinity
    var leaving = -1
    var leavesRowSide = true
    x = first
    while x != join {
      if x < n, mass[x] < most {
        most = mass[x]
        leaving = x
      }
      x = Int(parent[x])
    }
    y = second
    while y != join {
      if y >= n, mass[y] <= most {
        most = mass[y]
        leaving = y
        leavesRowSide = false
      }
      y = Int(parent[y])
    }
    if most > 0 {
      x = first
      while x != join {
        mass[x] += x < n ? -most : most
        x = Int(parent[x])
      }
      y = second
      while y != join {
        mass[y] += y >= n ? -most : most
        y = Int(parent[y])
      }
    }
    let inner = leavesRowSide ? first : second
    rehang(inner, under: leavesRowSide ? second : first, mass: most, leaving: leaving, join: join)

    // The subtree's rows rise by what makes the new arc tight, its columns fall, or the reverse;
    // potentials are free up to a constant, so the smaller part moves.
    let rise = leavesRowSide ? reduced : -reduced
    if 2 * Int(size[inner]) <= parent.count {
      shift(from: inner, skipping: -1, by: rise)
    } else {
      shift(from: root, skipping: inner, by: -rise)
    }
  }

  /// Cuts the subtree of `leaving` off and hangs it, by its node `inner`, under `outer`.
  private mutating func rehang(
    _ inner: Int, under outer: Int, mass entering: Double, leaving: Int, join: Int
  ) {
    let whole = size[leaving]
    var node = Int(parent[leaving])
    while node != join {
      size[node] -= whole
      node = Int(parent[node])
    }
    node = outer
    while node != join {
      size[node] += whole
      node = Int(parent[node])
    }
    node = inner
    var above = outer
    var arcMass = entering
    var below: Int32 = 0
    while true {
      let old = Int(parent[node])
      let oldMass = mass[node]
      let oldSize = size[node]
      detach(node)
      attach(node, to: above, mass: arcMass)
      size[node] = whole - below
      below = oldSize
      if node == leaving { return }
      above = node
      arcMass = oldMass
      node = old
    }
  }

  private mutating func attach(_ node: Int, to above: Int, mass arcMass: Double) {
    parent[node] = Int32(above)
    mass[node] = arcMass
    let first = child[above]
    next[node] = first
    previous[node] = -1
    if first >= 0 { previous[Int(first)] = Int32(node) }
    child[above] = Int32(node)
  }

  private mutating func detach(_ node: Int) {
    let before = previous[node]
    let after = next[node]
    if before >= 0 { next[Int(before)] = after } else { child[Int(parent[node])] = after }
    if after >= 0 { previous[Int(after)] = before }
  }

  private mutating func shift(from top: Int, skipping: Int, by rise: Double) {
    visit(from: top, skipping: skipping) { tree, node in
      if node < tree.n { tree.u[node] += rise } else { tree.v[node - tree.n] -= rise }
    }
  }

  /// Calls `body` on a node and all below it, parents first, but not on `skipping` and below.
  @inline(__always)
  private mutating func visit(
    from top: Int, skipping: Int, _ body: (inout TransportTree, Int) -> Void
  ) {
    var node = top
    while true {
      if node != skipping {
        body(&self, node)
        if child[node] >= 0 {
          node = Int(child[node])
          continue
        }
      }
      while node != top, next[node] < 0 { node = Int(parent[node]) }
      if node == top { return }
      node = Int(next[node])
    }
  }
}
