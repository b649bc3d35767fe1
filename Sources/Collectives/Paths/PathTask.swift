// SPDX-License-Identifier: Apache-2.0

import FerryCodecs
import FerryTensors

/// What is to be moved, as far as the way depends on it.
package struct PathTask: Hashable, Sendable {
  /// Vectors of more bytes are not sent in one shot, whatever is reckoned.
  private static let oneShotBytesMax = 4 << 20

  package let kind: Operation.Kind
  /// Whose values are broadcast.
  package let root: Int
  /// Encoded: of one rank's vector where all give as much, else of all that is moved.
  package let bytes: Int
  package let isLossy: Bool

  package init(
    _ kind: Operation.Kind = .allReduce, root: Int = 0, bytes: Int, isLossy: Bool = false
  ) {
    self.kind = kind
    self.root = root
    self.bytes = bytes
    self.isLossy = isLossy
  }

  /// - Parameter count: the elements that the proposer gives; what the others give in an all-gather
  ///   is not known yet, and taken to be as many.
  init(_ operation: Operation, count: Int, world: Int) {
    let type = operation.elementType
    let bytes =
      type == .f32 ? operation.codec.codec().byteCount(for: count) : count * type.byteWidth
    self.init(
      operation.kind, root: operation.root ?? 0,
      bytes: operation.kind == .allGather ? bytes * world : bytes, isLossy: operation.isLossy)
  }

  var isSummed: Bool { kind == .allReduce || kind == .reduceScatter }
  var isSpread: Bool { kind != .reduceScatter }

  /// Whether a plan can carry it: other kinds than the all-reduce have fewer ways, and no say in how
  /// long segments are.
  func suits(_ plan: PathPlan) -> Bool {
    guard !isLossy || PathPlan.gentle(kind).contains(plan.algorithm),
      plan.algorithm != .oneShot || bytes <= Self.oneShotBytesMax
    else { return false }
    return kind == .allReduce
      || Operation(kind).ways.contains(plan.algorithm)
        && plan.topology == Topology(order: plan.topology.order)
  }

  /// The trees by which it goes.
  func route(_ plan: PathPlan, world: Int) -> any Route {
    guard kind == .broadcast else {
      return plan.algorithm.route(world: world, topology: plan.topology)
    }
    return Operation(kind, algorithm: plan.algorithm, root: root, topology: plan.topology)
      .broadcastRoute(world: world)
  }

  /// How many bytes of it each segment of a route has.
  func segments(_ plan: PathPlan, of route: any Route) -> [Double] {
    let count = route.segmentCount
    let bytes = Double(bytes)
    if kind == .broadcast {
      return (0..<count).map { $0 == Operation.broadcastSegment(root, of: route) ? bytes : 0 }
    }
    let shares = plan.topology.shares.count == count ? plan.topology.shares : []
    let whole = shares.reduce(0, +)
    return (0..<count).map {
      bytes * (shares.isEmpty ? 1 / Double(count) : shares[$0] / whole)
    }
  }
}
