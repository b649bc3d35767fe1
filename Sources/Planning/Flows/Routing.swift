// SPDX-License-Identifier: Apache-2.0

/// A flow, or a piece of one, and the way it takes.
public struct Subflow: Sendable, Equatable {
  /// The ways across a fabric.
  public enum Way: Sendable, Equatable {
    /// Over the leaf that both hosts are on.
    case local
    /// Over one spine.
    case spine(Int)
    /// Packet by packet over all spines, by these shares.
    case sprayed([Double])
  }

  /// Which demand it is of.
  public let flow: Int
  /// How much of it, above 0.
  public let size: Double
  /// The way it takes.
  public let way: Way

  public init(flow: Int, size: Double, way: Way) {
    self.flow = flow
    self.size = size
    self.way = way
  }
}

/// Demands with the ways that a placement gave them.
public struct Routing: Sendable, Equatable {
  /// What is carried.
  public let demands: [Demand]
  /// In which pieces, and how; the pieces of a demand have its size in sum.
  public let subflows: [Subflow]

  public init(demands: [Demand], subflows: [Subflow]) {
    self.demands = demands
    self.subflows = subflows
  }

  /// Calls `body` with every link that a subflow uses, and which part of the subflow that link
  /// carries (1, or the path's share).
  func forEachLink(of subflow: Subflow, on fabric: Fabric, _ body: (Int, Double) -> Void) {
    let demand = demands[subflow.flow]
    let up = fabric.leaf(of: demand.source)
    let down = fabric.leaf(of: demand.destination)
    body(fabric.link(from: demand.source), 1)
    switch subflow.way {
    case .local: break
    case .spine(let spine):
      body(fabric.link(leaf: up, up: spine), 1)
      body(fabric.link(spine: spine, down: down), 1)
    case .sprayed(let shares):
      for (spine, share) in shares.enumerated() where share > 0 {
        body(fabric.link(leaf: up, up: spine), share)
        body(fabric.link(spine: spine, down: down), share)
      }
    }
    body(fabric.link(to: demand.destination), 1)
  }

  /// What every link carries, in units of flow, by the link's index in `fabric`.
  ///
  /// - Complexity: O(subflows × links of each); summed in the order of subflows.
  public func loads(on fabric: Fabric) -> LinkLoads {
    var loads = [Double](repeating: 0, count: fabric.linkCount)
    for subflow in subflows {
      forEachLink(of: subflow, on: fabric) { loads[$0] += subflow.size * $1 }
    }
    return LinkLoads(loads: loads, fabric: fabric)
  }
}

/// What each link of a fabric carries.
public struct LinkLoads: Sendable, Equatable {
  /// In units of flow, by link.
  public let loads: [Double]
  private let fabric: Fabric

  init(loads: [Double], fabric: Fabric) {
    self.loads = loads
    self.fabric = fabric
  }

  /// The largest load of a link between leaf and spine, in units of flow: the congestion.
  public var fabricMax: Double { fabric.fabricLinks.reduce(0) { max($0, loads[$1]) } }

  /// The longest that any link, of hosts too, needs for its load alone: no schedule is faster.
  public var timeMin: Double {
    loads.indices.reduce(0) {
      loads[$1] > 0 ? max($0, loads[$1] / fabric.capacity(ofLink: $1)) : $0
    }
  }
}
