// SPDX-License-Identifier: Apache-2.0

/// The distance along a tree, for which transport is solved in closed form: over each edge goes
/// what the masses below it differ by (Evans and Matsen 2012, equation 2).
public struct TreeMetric: Sendable {
  /// The node above each, `[n]`; −1 for the root.
  public let parents: [Int]
  /// The length of the edge to the node above, `[n]`, at least 0; the root's is not used.
  public let lengths: [Double]
  /// Nodes from the root down.
  private let order: [Int]
  private let depths: [Double]

  /// A tree from the node above each and the length of the edge to it.
  ///
  /// - Throws: `.shapeMismatch` for counts that differ, no node, or edges that do not make one tree;
  ///   `.badCost` for lengths that are negative or not finite.
  public init(parents: [Int], lengths: [Double]) throws(TransportError) {
    let n = parents.count
    guard n > 0, lengths.count == n else {
      throw TransportError(
        .shapeMismatch, "\(n) parents and \(lengths.count) lengths", at: "tree",
        remedy: "Give one of both for each node, and at least one node.")
    }
    var children = [[Int]](repeating: [], count: n)
    var order: [Int] = []
    for node in 0..<n {
      let above = parents[node]
      guard above >= -1, above < n else {
        throw TransportError(
          .shapeMismatch, "its parent is \(above)", at: "node \(node)",
          remedy: "Give a node, or -1 for the root.")
      }
      if above < 0 {
        order.append(node)
        continue
      }
      guard lengths[node] >= 0, lengths[node].isFinite else {
        throw TransportError(
          .badCost, "the length is \(lengths[node])", at: "node \(node)",
          remedy: "Lengths must be finite and at least 0.")
      }
      children[above].append(node)
    }
    guard order.count == 1 else {
      throw TransportError(
        .shapeMismatch, "there are \(order.count) roots", at: "tree",
        remedy: "Give -1 as the parent of one node.")
    }
    var depths = [Double](repeating: 0, count: n)
    var at = 0
    while at < order.count {
      for child in children[order[at]] {
        depths[child] = depths[order[at]] + lengths[child]
        order.append(child)
      }
      at += 1
    }
    guard order.count == n else {
      throw TransportError(
        .shapeMismatch, "\(n - order.count) nodes do not hang on the root", at: "tree",
        remedy: "Let every node lead up to the root.")
    }
    guard depths.allSatisfy({ $0 <= CostRange.magnitudeLimit }) else {
      throw TransportError(
        .badCost, "paths reach \(depths.max()!)", at: "tree",
        remedy: "Scale the lengths down: their sums overflow.")
    }
    self.parents = parents
    self.lengths = lengths
    self.order = order
    self.depths = depths
  }

  /// What moves, what it costs, and what proves it.
  public struct Solution: Sendable {
    /// How much mass goes from each node to each; sparse.
    public let coupling: SparseCoupling
    /// The least cost, mass × length.
    public let cost: Double
    /// A potential of the nodes, `[n]`: along no path does it change by more than its length.
    public let potentials: [Double]
    /// The primal is that of the coupling, the dual that of the potential.
    public let certificate: Certificate
  }

  /// Moves masses `a: [n]` on the nodes to masses `b: [n]`; O(n) beside the entries moved.
  ///
  /// - Throws: `.badMass`, `.unequalMass`, `.shapeMismatch` as `LinearProblem`.
  public func solve(from a: [Double], to b: [Double]) throws(TransportError) -> Solution {
    let n = parents.count
    let total = try LinearProblem.total(a, count: n, side: "row")
    let other = try LinearProblem.total(b, count: n, side: "column")
    guard abs(total - other) <= LinearProblem.totalsTolerance * max(total, other) else {
      throw TransportError(
        .unequalMass, "rows have a mass of \(total) and columns of \(other)", at: "tree",
        remedy: "Scale one side to the other's total.")
    }
    let scaled = b.map { $0 * (total / other) }
    try checkCancelled("tree")
    var matching = TreeMatching(depths: depths, nodes: n)
    for node in order.reversed() {
      matching.meet(at: node, supply: a[node], demand: scaled[node])
      if parents[node] >= 0 { matching.rise(node, to: parents[node]) }
    }
    // What is below an edge and too much flows up: the potential falls on its way.
    var excess = zip(a, scaled).map { $0 - $1 }
    var potentials = [Double](repeating: 0, count: n)
    for node in order.reversed() where parents[node] >= 0 { excess[parents[node]] += excess[node] }
    for node in order where parents[node] >= 0 {
      potentials[node] =
        potentials[parents[node]] + (excess[node] < 0 ? -lengths[node] : lengths[node])
    }
    let coupling = matching.coupling
    var dual = CompensatedSum()
    for node in 0..<n { dual.add((a[node] - scaled[node]) * potentials[node]) }
    var rows = [Double](repeating: 0, count: n)
    var columns = rows
    for k in coupling.rows.indices {
      rows[coupling.rows[k]] += coupling.masses[k]
      columns[coupling.columns[k]] += coupling.masses[k]
    }
    return Solution(
      coupling: coupling, cost: matching.cost.value, potentials: potentials,
      certificate: Certificate(
        primal: matching.cost.value, dual: dual.value, coupled: rows, columns, problem: a, scaled))
  }
}

/// Supplies and demands on their way up: they meet where their paths first do.
private struct TreeMatching {
  private let depths: [Double]
  private var supplies: [[(node: Int, mass: Double)]]
  private var demands: [[(node: Int, mass: Double)]]
  private var entries: [(row: Int, column: Int, mass: Double)] = []
  private(set) var cost = CompensatedSum()

  init(depths: [Double], nodes: Int) {
    self.depths = depths
    supplies = Array(repeating: [], count: nodes)
    demands = Array(repeating: [], count: nodes)
  }

  mutating func meet(at node: Int, supply: Double, demand: Double) {
    // What stays costs nothing.
    let stays = min(supply, demand)
    if stays > 0 { entries.append((node, node, stays)) }
    if supply > stays { supplies[node].append((node, supply - stays)) }
    if demand > stays { demands[node].append((node, demand - stays)) }
    while let from = supplies[node].last, let to = demands[node].last {
      let mass = min(from.mass, to.mass)
      entries.append((from.node, to.node, mass))
      cost.add(mass * (depths[from.node] + depths[to.node] - 2 * depths[node]))
      take(mass, from: &supplies[node])
      take(mass, from: &demands[node])
    }
  }

  private func take(_ mass: Double, from list: inout [(node: Int, mass: Double)]) {
    let last = list.count - 1
    if list[last].mass <= mass { list.removeLast() } else { list[last].mass -= mass }
  }

  /// The shorter list moves.
  mutating func rise(_ node: Int, to above: Int) {
    if supplies[node].count > supplies[above].count { supplies.swapAt(node, above) }
    supplies[above] += supplies[node]
    supplies[node] = []
    if demands[node].count > demands[above].count { demands.swapAt(node, above) }
    demands[above] += demands[node]
    demands[node] = []
  }

  var coupling: SparseCoupling {
    let sorted = entries.sorted { ($0.row, $0.column) < ($1.row, $1.column) }
    return SparseCoupling(
      rowCount: depths.count, columnCount: depths.count, rows: sorted.map(\.row),
      columns: sorted.map(\.column), masses: sorted.map(\.mass))
  }
}
