// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Flows cut at their source, as little as it takes for every path to carry its share.
///
/// The flows from one group of senders to one leaf take part together. Every link then carries what
/// spraying would put on it, because each group alone does (Ethereal, arXiv 2407.00550, theorem 1).
/// Senders that share a group need fewer cuts; senders alone need nobody's word.
///
/// Flows of different sizes go on the same line: still balanced, with at most `n + s − 1` pieces. The
/// least number of cuts is then as hard to find as a partition of numbers, and is not looked for.
public struct Splitting: Sendable, Equatable {
  /// Whose flows are laid on one line.
  public enum Grouping: String, Sendable, CaseIterable {
    /// Those from one leaf to another.
    case leaf
    /// Those from one host to a leaf.
    case host
  }

  /// How the line is cut.
  public enum Rule: String, Sendable, CaseIterable {
    /// `n + s − gcd(n, s)` pieces for n equal flows over s equal paths: the fewest there can be.
    case line
    /// The paper's: `n − r + rs / gcd(r, s)` with `r = n mod s`. Groups of unequal flows or shares
    /// are cut by `.line`.
    case paper
  }

  /// Whose flows are laid on one line.
  public let grouping: Grouping
  /// How the line is cut.
  public let rule: Rule
  /// Where each group's first path comes from; nil is the first spine for all.
  ///
  /// Groups that begin with different paths do not all send their pieces over the same one first.
  public let rotation: Seed?

  public init(by grouping: Grouping = .leaf, rule: Rule = .line, rotation: Seed? = nil) {
    self.grouping = grouping
    self.rule = rule
    self.rotation = rotation
  }

  /// The pieces, group after group in the order of each one's first flow.
  func subflows(
    _ demands: [Demand], _ fabric: Fabric, _ shareRule: ShareRule
  ) throws(PlanningError) -> [Subflow] {
    var paths = PathTable(fabric: fabric, rule: shareRule)
    var groups: [(shares: [Double], flows: [Int])] = []
    var known: [Int: Int] = [:]
    var subflows: [Subflow] = []
    for (flow, demand) in demands.enumerated() {
      guard let shares = try paths.shares(demand) else {
        subflows.append(Subflow(flow: flow, size: demand.size, way: .local))
        continue
      }
      let sender = grouping == .leaf ? fabric.leaf(of: demand.source) : demand.source
      let key = sender * fabric.leaves + fabric.leaf(of: demand.destination)
      if let group = known[key] {
        groups[group].flows.append(flow)
      } else {
        known[key] = groups.count
        groups.append((shares, [flow]))
      }
    }
    for (index, group) in groups.enumerated() {
      let open = group.shares.indices.filter { group.shares[$0] > 0 }
      let turn = rotation.map {
        Int($0.derived("rotation", UInt64(index)).value % UInt64(open.count))
      }
      let order = open.indices.map { open[($0 + (turn ?? 0)) % open.count] }
      let pieces = cut(
        sizes: group.flows.map { demands[$0].size }, shares: order.map { group.shares[$0] })
      for piece in pieces {
        let flow = group.flows[piece.flow]
        subflows.append(
          Subflow(
            flow: flow, size: piece.part * demands[flow].size, way: .spine(order[piece.path])))
      }
    }
    return subflows
  }

  /// Cuts one group, exactly in integers where sizes and shares are equal.
  private func cut(sizes: [Double], shares: [Double]) -> [LineCut.Piece] {
    guard sizes.allSatisfy({ $0 == sizes[0] }), shares.allSatisfy({ $0 == shares[0] }) else {
      return LineCut.weighted(sizes: sizes, shares: shares)
    }
    return switch rule {
    case .line: LineCut.equal(flows: sizes.count, paths: shares.count)
    case .paper: LineCut.paper(flows: sizes.count, paths: shares.count)
    }
  }
}
