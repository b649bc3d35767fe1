// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Placement")
struct PlacementTests {
  static let all: [Placement] = [
    .spraying, .ecmp(hash: Seed(1)), .leastLoaded(.uplinks), .leastLoaded(.paths),
    .splitting(Splitting()), .splitting(Splitting(by: .host, rule: .paper, rotation: Seed(2))),
  ]

  @Test("every demand is carried whole, over links that did not fail", arguments: seeds(30))
  func conserves(seed: Seed) throws {
    var random = SplitMix64(seed)
    let fabric = try sampleFabric(&random, uneven: true)
    let demands = sampleDemands(&random, on: fabric, equal: Bool.random(using: &random))
    for placement in Self.all {
      let routing = try placement.route(demands, on: fabric, shares: .byCapacity)
      var carried = [Double](repeating: 0, count: demands.count)
      for subflow in routing.subflows {
        carried[subflow.flow] += subflow.size
        let demand = demands[subflow.flow]
        let leaves = (fabric.leaf(of: demand.source), fabric.leaf(of: demand.destination))
        #expect((subflow.way == .local) == (leaves.0 == leaves.1))
        if case .spine(let spine) = subflow.way {
          #expect(fabric.capacity(leaf: leaves.0, spine: spine) > 0)
          #expect(fabric.capacity(leaf: leaves.1, spine: spine) > 0)
        }
      }
      for (demand, sum) in zip(demands, carried) {
        #expect(abs(sum - demand.size) <= 1e-11 * demand.size, "\(placement)")
      }
    }
  }

  @Test("a hash depends on its seed, and uses every path")
  func hashes() throws {
    let fabric = try Fabric(leaves: 2, hostsPerLeaf: 8, spines: 4).failing(spines: [2])
    let demands = try TrafficPattern.allToAll.steps(hosts: 16, seed: Seed(0))[0]
    let one = try Placement.ecmp(hash: Seed(1)).route(demands, on: fabric)
    #expect(try Placement.ecmp(hash: Seed(1)).route(demands, on: fabric) == one)
    #expect(try Placement.ecmp(hash: Seed(2)).route(demands, on: fabric) != one)
    let spines = one.subflows.compactMap { subflow -> Int? in
      if case .spine(let spine) = subflow.way { return spine }
      return nil
    }
    #expect(Set(spines) == [0, 1, 3])
  }

  @Test("a greedy choice takes the least load it sees; the whole path is more than the link up")
  func greedy() throws {
    // Hosts 0, 1 and 2, one a leaf: both 0 and 1 send to 2.
    let fabric = try Fabric(leaves: 3, hostsPerLeaf: 1, spines: 2)
    let demands = [Demand(from: 0, to: 2), Demand(from: 1, to: 2)]
    let blind = try Placement.leastLoaded(.uplinks).route(demands, on: fabric)
    #expect(blind.subflows.map(\.way) == [.spine(0), .spine(0)])
    let seeing = try Placement.leastLoaded(.paths).route(demands, on: fabric)
    #expect(seeing.subflows.map(\.way) == [.spine(0), .spine(1)])
  }

  @Test("a demand that cannot be is refused")
  func refuses() throws {
    let fabric = try Fabric(leaves: 2, hostsPerLeaf: 1, spines: 1)
    for demand in [
      Demand(from: 0, to: 2), Demand(from: -1, to: 0), Demand(from: 1, to: 1),
      Demand(from: 0, to: 1, size: 0), Demand(from: 0, to: 1, size: .infinity),
    ] {
      #expect(throws: PlanningError.self) { try Placement.spraying.route([demand], on: fabric) }
    }
    let error = #expect(throws: PlanningError.self) {
      try Placement.spraying.route([Demand(from: 0, to: 1), Demand(from: 1, to: 1)], on: fabric)
    }
    #expect(
      error?.description
        == "traffic-out-of-range: 1.0 from host 1 to host 1 (demand 1). Hosts are 0 to 1, sizes "
        + "above 0, and nobody sends to itself.")
  }
}
