// SPDX-License-Identifier: Apache-2.0

/// A leaf-spine fabric: hosts on leaves, every leaf linked to every spine.
///
/// Hosts are numbered leaf by leaf. Two hosts on one leaf have one path; hosts on two leaves have
/// one path for each spine that both leaves reach. All links are full duplex: a direction is a link
/// of its own. Capacities are in sizes of a unit flow per unit of time.
public struct Fabric: Sendable, Equatable {
  /// The most leaves, and the most hosts on one.
  public static let leavesMax = 1024
  /// The most spines, that is paths between two leaves.
  public static let spinesMax = 256
  /// The most hosts in all.
  public static let hostsMax = 4096

  /// Switches with hosts on them, at least 1.
  public let leaves: Int
  /// Hosts on each leaf, at least 1.
  public let hostsPerLeaf: Int
  /// Switches between leaves, at least 1.
  public let spines: Int
  /// What a host sends or receives in a unit of time, above 0.
  public let hostCapacity: Double
  /// Of the link from leaf to spine, in both directions, by `leaf * spines + spine`; 0 is a failed one.
  private var capacities: [Double]

  /// - Throws: `.badFabric` when a count is below 1 or above its limit.
  public init(
    leaves: Int, hostsPerLeaf: Int, spines: Int, hostCapacity: Double = 1, linkCapacity: Double = 1
  ) throws(PlanningError) {
    let place = "\(leaves) leaves, \(hostsPerLeaf) hosts on each, \(spines) spines"
    guard (1...Self.leavesMax) ~= leaves, (1...Self.spinesMax) ~= spines, hostsPerLeaf >= 1,
      hostsPerLeaf <= Self.hostsMax / leaves
    else {
      throw PlanningError(
        .badFabric, "no such fabric", at: place,
        remedy: "1 to \(Self.leavesMax) leaves, 1 to \(Self.spinesMax) spines and at most "
          + "\(Self.hostsMax) hosts are allowed.")
    }
    guard hostCapacity > 0, hostCapacity.isFinite, linkCapacity > 0, linkCapacity.isFinite else {
      throw PlanningError(
        .badFabric, "capacities of \(hostCapacity) and \(linkCapacity)", at: place,
        remedy: "Capacities are above 0 and finite.")
    }
    self.leaves = leaves
    self.hostsPerLeaf = hostsPerLeaf
    self.spines = spines
    self.hostCapacity = hostCapacity
    capacities = Array(repeating: linkCapacity, count: leaves * spines)
  }

  /// All hosts.
  public var hosts: Int { leaves * hostsPerLeaf }

  /// The leaf that a host is on.
  public func leaf(of host: Int) -> Int { host / hostsPerLeaf }

  /// What the link between a leaf and a spine carries each way; 0 when it failed.
  public func capacity(leaf: Int, spine: Int) -> Double { capacities[leaf * spines + spine] }

  /// The same fabric with another capacity, at least 0, on one link, in both directions.
  public func setting(capacity: Double, leaf: Int, spine: Int) -> Fabric {
    precondition(capacity >= 0 && capacity.isFinite, "capacity \(capacity)")
    var other = self
    other.capacities[leaf * spines + spine] = capacity
    return other
  }

  /// The same fabric without some spines.
  ///
  /// - Throws: `.badFabric` when a spine is not there, or none is left.
  public func failing(spines failed: Set<Int>) throws(PlanningError) -> Fabric {
    guard failed.allSatisfy((0..<spines).contains), failed.count < spines else {
      throw PlanningError(
        .badFabric, "spines \(failed.sorted()) cannot fail", at: "\(spines) spines",
        remedy: "Name spines from 0 to \(spines - 1), and leave one.")
    }
    var other = self
    for leaf in 0..<leaves {
      for spine in failed { other.capacities[leaf * spines + spine] = 0 }
    }
    return other
  }

  /// How traffic between two leaves is shared out over the spines: one share each, in sum 1; 0 where
  /// a link failed.
  ///
  /// - Throws: `.noPath` when no spine is left between them.
  public func shares(
    from source: Int, to destination: Int, by rule: ShareRule
  ) throws(PlanningError) -> [Double] {
    let widths = (0..<spines).map { spine in
      let width = min(
        capacity(leaf: source, spine: spine), capacity(leaf: destination, spine: spine))
      return rule == .equal && width > 0 ? 1 : width
    }
    let sum = widths.reduce(0, +)
    guard sum > 0 else {
      throw PlanningError(
        .noPath, "no spine is left between them", at: "leaves \(source) and \(destination)",
        remedy: "Let fewer links fail.")
    }
    return widths.map { $0 / sum }
  }
}

/// How much each path takes.
public enum ShareRule: String, Sendable, CaseIterable {
  /// Each path that is left takes the same, as packet spraying does.
  case equal
  /// Each path takes in proportion to its narrower link.
  case byCapacity = "by-capacity"
}

/// The links of a fabric, each direction by an index of its own.
extension Fabric {
  /// How many directed links there are.
  public var linkCount: Int { 2 * hosts + 2 * leaves * spines }

  /// The links between leaves and spines, both directions.
  public var fabricLinks: Range<Int> { 2 * hosts..<linkCount }

  /// From a host to its leaf.
  public func link(from host: Int) -> Int { host }

  /// From its leaf to a host.
  public func link(to host: Int) -> Int { hosts + host }

  /// From a leaf up to a spine.
  public func link(leaf: Int, up spine: Int) -> Int { 2 * hosts + leaf * spines + spine }

  /// From a spine down to a leaf.
  public func link(spine: Int, down leaf: Int) -> Int {
    2 * hosts + leaves * spines + leaf * spines + spine
  }

  /// What a link carries in a unit of time.
  public func capacity(ofLink link: Int) -> Double {
    link < 2 * hosts ? hostCapacity : capacities[(link - 2 * hosts) % (leaves * spines)]
  }
}
