// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Costs that are lengths of shortest ways through a graph, to a power; a row is one search from its
/// node, O(E log V).
public struct GraphCost: CostGeometry {
  /// A way between two nodes, both ways unless the graph is directed.
  public struct Edge: Sendable, Equatable {
    /// Where it begins, from 0.
    public let from: Int
    /// Where it ends.
    public let to: Int
    /// How long it is, at least 0.
    public let length: Double

    /// An edge of a length.
    public init(_ from: Int, _ to: Int, length: Double) {
      self.from = from
      self.to = to
      self.length = length
    }
  }

  /// How many nodes there are.
  public let nodeCount: Int
  /// The rows' nodes.
  public let sources: [Int]
  /// The columns' nodes.
  public let targets: [Int]
  /// What lengths are raised to.
  public let power: Double
  // Neighbors of node i: from starts[i] to starts[i + 1].
  private let starts: [Int]
  private let neighbors: [Int]
  private let lengths: [Double]

  /// - Parameters:
  ///   - sources: the rows' nodes; nil is all of them, and likewise `targets`.
  ///   - power: above 0; 1 for lengths themselves.
  /// - Throws: `.shapeMismatch` for nodes outside the graph, or none; `.badCost` for a length that is
  ///   negative or not finite, and where a target cannot be reached from a source; `.badSetting` for
  ///   a power out of range.
  public init(
    nodeCount: Int, edges: [Edge], isDirected: Bool = false, sources: [Int]? = nil,
    targets: [Int]? = nil, power: Double = 1
  ) throws(TransportError) {
    self.nodeCount = nodeCount
    self.sources = sources ?? Array(0..<max(0, nodeCount))
    self.targets = targets ?? Array(0..<max(0, nodeCount))
    self.power = power
    let ends = edges.flatMap { [$0.from, $0.to] }
    guard nodeCount > 0, !self.sources.isEmpty, !self.targets.isEmpty,
      (ends + self.sources + self.targets).allSatisfy({ $0 >= 0 && $0 < nodeCount })
    else {
      throw TransportError(
        .shapeMismatch, "a node is none of the graph's \(nodeCount)", at: "graph",
        remedy: "Number nodes from 0, and give at least one source and one target.")
    }
    guard power > 0, power.isFinite else {
      throw TransportError(
        .badSetting, "the power is \(power)", at: "graph", remedy: "Give a finite power above 0.")
    }
    if let bad = edges.firstIndex(where: { !($0.length >= 0) || !$0.length.isFinite }) {
      throw TransportError(
        .badCost, "the length is \(edges[bad].length)", at: "edge \(bad)",
        remedy: "Lengths must be finite and at least 0.")
    }
    var counts = [Int](repeating: 0, count: nodeCount + 1)
    let ways = isDirected ? edges : edges + edges.map { Edge($0.to, $0.from, length: $0.length) }
    for way in ways { counts[way.from + 1] += 1 }
    for i in 0..<nodeCount { counts[i + 1] += counts[i] }
    starts = counts
    var neighbors = [Int](repeating: 0, count: ways.count)
    var lengths = [Double](repeating: 0, count: ways.count)
    for way in ways {
      neighbors[counts[way.from]] = way.to
      lengths[counts[way.from]] = way.length
      counts[way.from] += 1
    }
    self.neighbors = neighbors
    self.lengths = lengths
    for source in Set(self.sources).sorted() {
      let distances = distances(from: source)
      if let lost = self.targets.first(where: { distances[$0] == .infinity }) {
        throw TransportError(
          .badCost, "no way leads from node \(source) to node \(lost)", at: "graph",
          remedy: "Connect them, or solve the parts of the graph one by one.")
      }
    }
  }

  public var rowCount: Int { sources.count }
  public var columnCount: Int { targets.count }

  public func fillRow(_ row: Int, into costs: inout MutableSpan<Double>) {
    let distances = distances(from: sources[row])
    for (j, node) in targets.enumerated() {
      costs[j] = power == 1 ? distances[node] : pow(distances[node], power)
    }
  }

  /// Dijkstra's search with a binary heap.
  private func distances(from source: Int) -> [Double] {
    var distances = [Double](repeating: .infinity, count: nodeCount)
    distances[source] = 0
    var heap: [(distance: Double, node: Int)] = [(0, source)]
    while let (distance, node) = heap.first {
      let last = heap.removeLast()
      if !heap.isEmpty {
        heap[0] = last
        Self.sink(&heap)
      }
      // An entry that was bettered since.
      guard distance <= distances[node] else { continue }
      for k in starts[node]..<starts[node + 1] {
        let through = distance + lengths[k]
        guard through < distances[neighbors[k]] else { continue }
        distances[neighbors[k]] = through
        heap.append((through, neighbors[k]))
        Self.rise(&heap)
      }
    }
    return distances
  }

  private static func rise(_ heap: inout [(distance: Double, node: Int)]) {
    var at = heap.count - 1
    while at > 0, heap[at].distance < heap[(at - 1) / 2].distance {
      heap.swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  private static func sink(_ heap: inout [(distance: Double, node: Int)]) {
    var at = 0
    while true {
      var least = at
      for child in [2 * at + 1, 2 * at + 2]
      where child < heap.count && heap[child].distance < heap[least].distance { least = child }
      guard least != at else { return }
      heap.swapAt(at, least)
      at = least
    }
  }
}
