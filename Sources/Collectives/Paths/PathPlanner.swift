// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning

/// The way that should be fastest over links that differ, and why.
public struct PathChoice: Sendable, Equatable {
  /// Nil: the way that goes by size is as good, and pieces are as long as they usually are.
  public let plan: PathPlan?
  /// The way that is taken, planned or not.
  public let algorithm: AllReduceAlgorithm
  /// How long it should take; nil where the links are not measured.
  public let time: Duration?
  /// The reason, as a sentence for log and status.
  public let reason: String
  /// `time` is the most that links take, which are faster than is measured; what processors take, which
  /// then limit, is not reckoned.
  public var isTimeBound = false
  /// All pairs of members are measured, or there is nothing to measure.
  public internal(set) var isMeasured = false
}

/// Chooses among all ways by what they should cost over measured links.
package struct PathPlanner {
  /// A plan is worth its while when it is so many times faster than the way by size: less may be an
  /// error of the measurement, and what is known to work is left alone.
  package static let gainMin = 1.15
  /// A later plan of the list must be faster by this.
  private static let preference = 0.97
  package let map: PathMap
  /// The plans worth reckoning: they do not depend on the vector's length.
  private let plans: [PathPlan]
  private let cost: PathCost

  package init(_ map: PathMap) {
    self.map = map
    cost = PathCost(map: map)
    plans = map.isEven ? Self.plain : Self.uneven(map) + Self.plain
  }

  /// Ways that need no knowledge of the links.
  private static let plain: [PathPlan] = [
    PathPlan(.oneShot), PathPlan(.direct), PathPlan(.halvingDoubling), PathPlan(.ring),
    PathPlan(.tree),
  ]

  private static func uneven(_ map: PathMap) -> [PathPlan] {
    let ranks = 0..<map.count
    var plans = pairs(map) + shares(map).map { PathPlan(.direct, Topology(shares: $0)) }
    if let matrix = map.matrix, let ring = try? RingOrder.best(on: matrix, seed: Seed(0)) {
      plans.append(PathPlan(.ring, Topology(order: ring.members)))
    }
    plans += ranks.map { PathPlan(.star, Topology(hub: $0)) }
    plans += ranks.map { PathPlan(.tree, Topology(hub: $0)) }
    let islands = map.islands
    plans += islands.map { PathPlan(.hierarchical, Topology(islands: [$0])) }
    for inner in islands {
      for outer in islands where inner.count > outer.count {
        let topology = Topology(islands: [inner, outer])
        if (try? topology.check(world: map.count)) != nil {
          plans.append(PathPlan(.hierarchical, topology))
        }
      }
    }
    return plans
  }

  /// Each slow rank behind a fast one of its own, which adds for it: one flow each way over a line
  /// that has no room for more. The fast ones exchange directly.
  private static func pairs(_ map: PathMap) -> [PathPlan] {
    let ranks = (0..<map.count).sorted { (map.pace($0), $0) < (map.pace($1), $1) }
    return (1..<(map.count + 1) / 2).map { left in
      let slow = ranks.prefix(left)
      let fast = ranks.dropFirst(left).sorted()
      var shares = [Double](repeating: 1, count: map.count)
      for rank in slow { shares[rank] = 0 }
      // Those who gain nothing by company come last in line for it.
      let hosts = fast.sorted { (-map.pace($0), $0) < (-map.pace($1), $1) }
      let behind = Dictionary(uniqueKeysWithValues: zip(hosts, slow))
      let islands = fast.map { [$0] + (behind[$0].map { [$0] } ?? []) }
      return PathPlan(.hierarchical, Topology(shares: shares, islands: [islands]))
    }
  }

  /// Shares for a direct exchange. A rank of share w sends, and receives, `1 + (N − 2) w` vectors: all
  /// lines are busy for equally long where that is in proportion to their speed. Those too slow for
  /// any share get none, and pass their own vector once: each number of them is tried.
  private static func shares(_ map: PathMap) -> [[Double]] {
    let ranks = (0..<map.count).sorted { (map.pace($0), $0) < (map.pace($1), $1) }
    let others = Double(map.count - 2)
    return (0..<map.count - 1).compactMap { left in
      let adding = ranks.dropFirst(left)
      let time =
        (others + Double(adding.count)) / adding.reduce(0) { $0 + map.pace($1) }
      var shares = [Double](repeating: 0, count: map.count)
      for rank in adding { shares[rank] = (time * map.pace(rank) - 1) / others }
      guard shares.allSatisfy({ $0 >= 0 }) else { return nil }
      return shares
    }
  }

  /// - Parameter usual: the way that goes by size, and the reason for it.
  package func choice(
    _ task: PathTask, usual: (algorithm: AllReduceAlgorithm, reason: String)
  ) -> PathChoice {
    // Shorter vectors have the same pieces either way.
    let hasLongerPieces =
      map.isFast && task.bytes > map.count * Pieces.perSegment * Pieces.byteCountMax
    let usualPlan = PathPlan(usual.algorithm, Topology(areLinksFast: hasLongerPieces))
    let usualTime = cost.time(usualPlan, task)
    func stay() -> PathChoice {
      PathChoice(
        plan: hasLongerPieces ? usualPlan : nil, algorithm: usual.algorithm,
        time: .seconds(usualTime), reason: usual.reason, isTimeBound: map.isFast)
    }
    // Where links are alike and short, sizes say it all.
    guard !(map.isEven && map.isShort) else { return stay() }
    var best: (plan: PathPlan, time: Double)?
    for plan in plans where task.suits(plan) {
      let time = cost.time(plan, task)
      // Those before spread the work over more ranks, which counts for as much.
      if best.map({ time < $0.time * Self.preference }) ?? true { best = (plan, time) }
    }
    guard let best, usualTime > best.time * Self.gainMin else { return stay() }
    let time = Duration.seconds(best.time)
    return PathChoice(
      plan: best.plan, algorithm: best.plan.algorithm, time: time,
      reason: """
        \(best.plan.algorithm.rawValue): over the links as measured it should take \
        \(AllReduceChoice.text(time)), \(usual.algorithm.rawValue) \
        \(AllReduceChoice.text(.seconds(usualTime)))\(Self.words(best.plan.topology))
        """)
  }

  /// What is special about a topology, as the end of a sentence.
  private static func words(_ topology: Topology) -> String {
    let idle = topology.shares.indices.filter { topology.shares[$0] == 0 }
    if !idle.isEmpty, let islands = topology.islands.first {
      let hosts = idle.map { rank in islands.first { $0.contains(rank) }?.first ?? rank }
      return idle.count == 1
        ? "; rank \(idle[0]) behind rank \(hosts[0])"
        : "; ranks \(text(idle)) behind ranks \(text(hosts))"
    }
    if !idle.isEmpty {
      return idle.count == 1
        ? "; rank \(idle[0]) adds up nothing" : "; ranks \(text(idle)) add up nothing"
    }
    if !topology.shares.isEmpty { return "; shares go by speed" }
    if !topology.order.isEmpty { return "; in the order \(text(topology.order))" }
    if let islands = topology.islands.first {
      return "; islands \(islands.map { "(\(text($0)))" }.joined(separator: " "))"
    }
    return topology.hub > 0 ? "; rank \(topology.hub) in the middle" : ""
  }

  private static func text(_ ranks: [Int]) -> String {
    ranks.map(String.init).joined(separator: ", ")
  }
}
