// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// One pattern under every placement, on one fabric.
public struct PlacementComparison: Sendable {
  /// What one placement made of it.
  public struct Row: Sendable, Equatable, Codable {
    /// Its name, stable.
    public let placement: String
    /// Pieces that were sent, all steps together; of several hashes the first.
    public let subflows: Int
    /// The largest load of a link between leaf and spine in any step, in units of flow; of several
    /// hashes the mean.
    public let congestion: Double
    /// The same of the worst hash.
    public let congestionWorst: Double
    /// How long all steps took one after the other, senders pacing their pieces by size, in units of
    /// time; of several hashes the mean.
    public let time: Double
    /// `time` over that of spraying.
    public let timeToSpraying: Double
    /// The same ratio when every piece gets the same of a full link, however small it is.
    public let timeToSprayingUnpaced: Double
  }

  /// The most hashes.
  public static let hashesMax = 1000

  private let fabric: Fabric
  private let shares: ShareRule
  private let seed: Seed
  private let hashes: Int
  private let hashesTimed: Int

  /// - Parameters:
  ///   - seed: of the traffic's order and the hashes.
  ///   - hashes: how many hashes ECMP is tried with, 1 to `hashesMax`.
  ///   - hashesTimed: for how many of them the time is simulated, which takes longer.
  public init(
    on fabric: Fabric, shares: ShareRule = .equal, seed: Seed, hashes: Int = 50,
    hashesTimed: Int = 3
  ) {
    precondition((1...Self.hashesMax) ~= hashes && hashesTimed >= 1, "\(hashes) hashes")
    self.fabric = fabric
    self.shares = shares
    self.seed = seed
    self.hashes = hashes
    self.hashesTimed = min(hashes, hashesTimed)
  }

  /// The table: spraying first, then what needs no packets out of order.
  ///
  /// - Throws: what the pattern and the placements throw.
  public func rows(_ pattern: TrafficPattern) throws(PlanningError) -> [Row] {
    let steps = try pattern.steps(hosts: fabric.hosts, seed: seed)
    let placements: [(String, [Placement])] = [
      ("spraying", [.spraying]),
      ("ecmp", (0..<hashes).map { .ecmp(hash: seed.derived("hash", UInt64($0))) }),
      ("greedy-uplinks", [.leastLoaded(.uplinks)]),
      ("greedy-paths", [.leastLoaded(.paths)]),
      ("splitting-paper", [.splitting(Splitting(rule: .paper))]),
      ("splitting-by-host", [.splitting(Splitting(by: .host))]),
      ("splitting", [.splitting(Splitting())]),
    ]
    var rows: [Row] = []
    for (name, variants) in placements {
      var figures: [(subflows: Int, congestion: Double)] = []
      var times: [(paced: Double, unpaced: Double)] = []
      for (index, placement) in variants.enumerated() {
        let isTimed = index < hashesTimed
        let figure = try measure(steps, placement, isTimed: isTimed)
        figures.append((figure.subflows, figure.congestion))
        if isTimed { times.append((figure.paced, figure.unpaced)) }
      }
      let loads = figures.map(\.congestion)
      let paced = times.reduce(0) { $0 + $1.paced } / Double(times.count)
      let unpaced = times.reduce(0) { $0 + $1.unpaced } / Double(times.count)
      let ideal = rows.first?.time ?? paced
      rows.append(
        Row(
          placement: name, subflows: figures[0].subflows,
          congestion: loads.reduce(0, +) / Double(loads.count), congestionWorst: loads.max()!,
          time: paced, timeToSpraying: paced / ideal, timeToSprayingUnpaced: unpaced / ideal))
    }
    return rows
  }

  private func measure(
    _ steps: [[Demand]], _ placement: Placement, isTimed: Bool
  ) throws(PlanningError) -> (subflows: Int, congestion: Double, paced: Double, unpaced: Double) {
    var figure = (subflows: 0, congestion: 0.0, paced: 0.0, unpaced: 0.0)
    for step in steps {
      let routing = try placement.route(step, on: fabric, shares: shares)
      figure.subflows += routing.subflows.count
      figure.congestion = max(figure.congestion, routing.loads(on: fabric).fabricMax)
      guard isTimed else { continue }
      figure.paced += MaxMinSimulation(routing, on: fabric, fairness: .bySize).run().collective
      figure.unpaced += MaxMinSimulation(routing, on: fabric, fairness: .bySubflow).run().collective
    }
    return figure
  }
}
