// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// How flows are laid over the paths of a fabric.
///
/// The comparison of Ethereal ("single path instead of packet spraying", arXiv 2407.00550, §2 and §4):
/// hashing, spraying and a greedy choice, and splitting at the source.
public enum Placement: Sendable, Equatable {
  /// Equal-cost multi-path: a hash of each flow picks one of the spines that are left.
  case ecmp(hash: Seed)
  /// Packet by packet over all spines: the ideal, which needs receivers that take packets in any
  /// order.
  case spraying
  /// Each flow whole, in the order of demands, over the spine with the least load so far; of equals
  /// the first.
  case leastLoaded(Sight)
  /// Each flow over one path, but for those that have to be cut for every path to carry its share.
  case splitting(Splitting)

  /// Which loads a greedy choice sees.
  public enum Sight: String, Sendable, CaseIterable {
    /// The links up from the sender's own leaf: what a leaf knows by itself.
    case uplinks
    /// Both links of a path: what a controller of the whole fabric knows.
    case paths
  }

  /// Gives every demand its way.
  ///
  /// - Parameter shares: how spraying and splitting share out; the others do not use it.
  /// - Throws: `.badTraffic` when a demand names a host that is not there, or itself, or a size that
  ///   is not above 0; `.noPath` when failed links leave two leaves without one.
  public func route(
    _ demands: [Demand], on fabric: Fabric, shares rule: ShareRule = .equal
  ) throws(PlanningError) -> Routing {
    for (index, demand) in demands.enumerated() {
      let hosts = 0..<fabric.hosts
      guard hosts ~= demand.source, hosts ~= demand.destination,
        demand.source != demand.destination, demand.size > 0, demand.size.isFinite
      else {
        throw PlanningError(
          .badTraffic,
          "\(demand.size) from host \(demand.source) to host \(demand.destination)",
          at: "demand \(index)",
          remedy: "Hosts are 0 to \(fabric.hosts - 1), sizes above 0, and nobody sends to itself.")
      }
    }
    let subflows =
      switch self {
      case .ecmp(let seed): try Self.hashed(demands, fabric, seed)
      case .spraying: try Self.sprayed(demands, fabric, rule)
      case .leastLoaded(let sight): try Self.greedy(demands, fabric, sight)
      case .splitting(let splitting): try splitting.subflows(demands, fabric, rule)
      }
    return Routing(demands: demands, subflows: subflows)
  }

  private static func hashed(
    _ demands: [Demand], _ fabric: Fabric, _ seed: Seed
  ) throws(PlanningError) -> [Subflow] {
    var paths = PathTable(fabric: fabric, rule: .equal)
    var subflows: [Subflow] = []
    for (flow, demand) in demands.enumerated() {
      guard let open = try paths.open(demand) else {
        subflows.append(Subflow(flow: flow, size: demand.size, way: .local))
        continue
      }
      let hash = seed.derived(
        "ecmp", UInt64(demand.source), UInt64(demand.destination), UInt64(flow))
      let spine = open[Int(hash.value % UInt64(open.count))]
      subflows.append(Subflow(flow: flow, size: demand.size, way: .spine(spine)))
    }
    return subflows
  }

  private static func sprayed(
    _ demands: [Demand], _ fabric: Fabric, _ rule: ShareRule
  ) throws(PlanningError) -> [Subflow] {
    var paths = PathTable(fabric: fabric, rule: rule)
    var subflows: [Subflow] = []
    for (flow, demand) in demands.enumerated() {
      let shares = try paths.shares(demand)
      subflows.append(
        Subflow(flow: flow, size: demand.size, way: shares.map { .sprayed($0) } ?? .local))
    }
    return subflows
  }

  private static func greedy(
    _ demands: [Demand], _ fabric: Fabric, _ sight: Sight
  ) throws(PlanningError) -> [Subflow] {
    var paths = PathTable(fabric: fabric, rule: .equal)
    var loads = [Double](repeating: 0, count: fabric.linkCount)
    var subflows: [Subflow] = []
    for (flow, demand) in demands.enumerated() {
      guard let open = try paths.open(demand) else {
        subflows.append(Subflow(flow: flow, size: demand.size, way: .local))
        continue
      }
      let source = fabric.leaf(of: demand.source)
      let destination = fabric.leaf(of: demand.destination)
      func cost(_ spine: Int) -> Double {
        let up = fabric.link(leaf: source, up: spine)
        let down = fabric.link(spine: spine, down: destination)
        let timeUp = (loads[up] + demand.size) / fabric.capacity(ofLink: up)
        guard sight == .paths else { return timeUp }
        return max(timeUp, (loads[down] + demand.size) / fabric.capacity(ofLink: down))
      }
      var best = (spine: open[0], cost: cost(open[0]))
      for spine in open.dropFirst() {
        let cost = cost(spine)
        if cost < best.cost { best = (spine, cost) }
      }
      loads[fabric.link(leaf: source, up: best.spine)] += demand.size
      loads[fabric.link(spine: best.spine, down: destination)] += demand.size
      subflows.append(Subflow(flow: flow, size: demand.size, way: .spine(best.spine)))
    }
    return subflows
  }
}

/// The shares of the paths between leaves, each pair worked out once.
struct PathTable {
  private let fabric: Fabric
  private let rule: ShareRule
  private var known: [Int: [Double]] = [:]

  init(fabric: Fabric, rule: ShareRule) {
    self.fabric = fabric
    self.rule = rule
  }

  /// A share for each spine; nil when both hosts are on one leaf.
  mutating func shares(_ demand: Demand) throws(PlanningError) -> [Double]? {
    let source = fabric.leaf(of: demand.source)
    let destination = fabric.leaf(of: demand.destination)
    guard source != destination else { return nil }
    let pair = source * fabric.leaves + destination
    if let shares = known[pair] { return shares }
    let shares = try fabric.shares(from: source, to: destination, by: rule)
    known[pair] = shares
    return shares
  }

  /// The spines that are left; nil when both hosts are on one leaf.
  mutating func open(_ demand: Demand) throws(PlanningError) -> [Int]? {
    guard let shares = try shares(demand) else { return nil }
    return shares.indices.filter { shares[$0] > 0 }
  }
}
