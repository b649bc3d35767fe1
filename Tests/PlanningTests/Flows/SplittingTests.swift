// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Splitting")
struct SplittingTests {
  static let variants: [Splitting] = [
    Splitting(), Splitting(by: .host), Splitting(rule: .paper), Splitting(by: .host, rule: .paper),
    Splitting(rotation: Seed(5)), Splitting(by: .host, rule: .paper, rotation: Seed(6)),
  ]

  /// The theorem of Ethereal, for every link and not only the fullest.
  @Test("carries on every link what spraying does, whatever the demands", arguments: seeds(150))
  func equalsSpraying(seed: Seed) throws {
    var random = SplitMix64(seed)
    let fabric = try sampleFabric(&random, uneven: Bool.random(using: &random))
    let demands = sampleDemands(&random, on: fabric, equal: Bool.random(using: &random))
    for shares in ShareRule.allCases {
      let ideal = try Placement.spraying.route(demands, on: fabric, shares: shares)
        .loads(on: fabric)
      for variant in Self.variants {
        let loads = try Placement.splitting(variant).route(demands, on: fabric, shares: shares)
          .loads(on: fabric)
        for (link, load) in loads.loads.enumerated() {
          let scale = max(1, ideal.loads.max() ?? 1)
          #expect(abs(load - ideal.loads[link]) <= 1e-12 * scale, "\(variant) on link \(link)")
        }
      }
    }
  }

  /// Groups of demands by sender and destination leaf, and the pieces each got.
  private func groups(
    _ routing: Routing, _ fabric: Fabric, by grouping: Splitting.Grouping
  ) -> [[Int]: (flows: Set<Int>, pieces: Int)] {
    var groups: [[Int]: (flows: Set<Int>, pieces: Int)] = [:]
    for subflow in routing.subflows where subflow.way != .local {
      let demand = routing.demands[subflow.flow]
      let sender = grouping == .host ? demand.source : fabric.leaf(of: demand.source)
      groups[[sender, fabric.leaf(of: demand.destination)], default: ([], 0)].flows
        .insert(subflow.flow)
      groups[[sender, fabric.leaf(of: demand.destination)]]!.pieces += 1
    }
    return groups
  }

  @Test("a group of n equal flows over s paths makes n + s - gcd pieces", arguments: seeds(60))
  func pieces(seed: Seed) throws {
    func gcd(_ a: Int, _ b: Int) -> Int { b == 0 ? a : gcd(b, a % b) }
    var random = SplitMix64(seed)
    let fabric = try sampleFabric(&random, uneven: Bool.random(using: &random))
    let demands = sampleDemands(&random, on: fabric, equal: true)
    for grouping in Splitting.Grouping.allCases {
      let routing = try Placement.splitting(Splitting(by: grouping)).route(demands, on: fabric)
      for (key, group) in groups(routing, fabric, by: grouping) {
        let source = grouping == .host ? fabric.leaf(of: key[0]) : key[0]
        let s = try fabric.shares(from: source, to: key[1], by: .equal).filter { $0 > 0 }.count
        let n = group.flows.count
        #expect(group.pieces == n + s - gcd(n, s))
      }
    }
  }

  @Test("unequal sizes are balanced too, with at most n + s - 1 pieces", arguments: seeds(40))
  func unequal(seed: Seed) throws {
    var random = SplitMix64(seed)
    let fabric = try sampleFabric(&random, uneven: true)
    let demands = sampleDemands(&random, on: fabric, equal: false)
    let routing = try Placement.splitting(Splitting(rule: .paper))
      .route(demands, on: fabric, shares: .byCapacity)
    for group in groups(routing, fabric, by: .leaf).values {
      #expect(group.pieces <= group.flows.count + fabric.spines - 1)
    }
  }

  @Test(
    "paths of 40, 30, 20 and 10 take their shares; equal shares wait for the slowest, 2.5 times as long"
  )
  func unevenPaths() throws {
    var fabric = try Fabric(leaves: 2, hostsPerLeaf: 1, spines: 4, hostCapacity: 1000)
    for (spine, capacity) in [40.0, 30, 20, 10].enumerated() {
      for leaf in 0..<2 { fabric = fabric.setting(capacity: capacity, leaf: leaf, spine: spine) }
    }
    func time(_ shares: ShareRule) throws -> Double {
      let routing = try Placement.splitting(Splitting())
        .route([Demand(from: 0, to: 1, size: 100)], on: fabric, shares: shares)
      #expect(routing.subflows.count == 4)
      return MaxMinSimulation(routing, on: fabric).run().collective
    }
    #expect(abs(try time(.byCapacity) - 1) < 1e-9)
    #expect(abs(try time(.equal) - 2.5) < 1e-9)
  }

  @Test("groups that rotate do not all begin with the same path")
  func rotates() throws {
    let fabric = try Fabric(leaves: 8, hostsPerLeaf: 1, spines: 4)
    let demands = try TrafficPattern.allToAll.steps(hosts: 8, seed: Seed(0))[0]
    func firsts(_ rotation: Seed?) throws -> Set<Int> {
      let routing = try Placement.splitting(Splitting(rotation: rotation)).route(
        demands, on: fabric)
      return Set(
        demands.indices.compactMap { flow -> Int? in
          guard case .spine(let spine) = routing.subflows.first(where: { $0.flow == flow })!.way
          else { return nil }
          return spine
        })
    }
    #expect(try firsts(nil) == [0])
    #expect(try firsts(Seed(1)) == [0, 1, 2, 3])
  }
}
