// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("Max-min simulation")
struct MaxMinSimulationTests {
  /// Which links a subflow uses, with its part on each.
  private func links(_ subflow: Subflow, _ routing: Routing, _ fabric: Fabric) -> [Int: Double] {
    let one = Routing(demands: routing.demands, subflows: [subflow]).loads(on: fabric).loads
    return Dictionary(
      uniqueKeysWithValues: one.enumerated().filter { $0.element > 0 }
        .map { ($0.offset, $0.element / subflow.size) })
  }

  /// Bertsekas and Gallager's proposition 6.1: feasible, and each has a bottleneck.
  @Test(
    "rates are max-min fair: every subflow crosses a full link where none grows more",
    arguments: seeds(40))
  func fair(seed: Seed) throws {
    var random = SplitMix64(seed)
    let fabric = try sampleFabric(&random, uneven: true)
    let demands = sampleDemands(&random, on: fabric, equal: false)
    for placement in PlacementTests.all {
      for fairness in MaxMinSimulation.Fairness.allCases {
        let routing = try placement.route(demands, on: fabric)
        let rates = MaxMinSimulation(routing, on: fabric, fairness: fairness).initialRates
        let ways = routing.subflows.map { links($0, routing, fabric) }
        let levels = zip(rates, routing.subflows).map { rate, subflow in
          fairness == .bySubflow ? rate : rate / subflow.size
        }
        var used = [Double](repeating: 0, count: fabric.linkCount)
        var highest = used
        for (index, way) in ways.enumerated() {
          for (link, part) in way {
            used[link] += part * rates[index]
            highest[link] = max(highest[link], levels[index])
          }
        }
        for link in used.indices {
          #expect(used[link] <= fabric.capacity(ofLink: link) * (1 + 1e-9))
        }
        for (index, way) in ways.enumerated() {
          #expect(
            way.keys.contains { link in
              used[link] >= fabric.capacity(ofLink: link) * (1 - 1e-9)
                && levels[index] >= highest[link] * (1 - 1e-9)
            }, "\(placement), \(fairness), subflow \(index)")
        }
      }
    }
  }

  @Test("the textbook case: one long flow and two short ones")
  func textbook() throws {
    // Host 0 sends to 1 and to 2, host 3 sends to 2: link 0 up and link 2 down are shared by two.
    let fabric = try Fabric(leaves: 1, hostsPerLeaf: 4, spines: 1)
    let demands = [
      Demand(from: 0, to: 1, size: 2), Demand(from: 0, to: 2), Demand(from: 3, to: 2, size: 4),
    ]
    let routing = try Placement.spraying.route(demands, on: fabric)
    let done = MaxMinSimulation(routing, on: fabric).run()
    // All at 1/2 until 2; then the two left at 1: 1 of 2 and 3 of 4 remain.
    #expect(done.flows == [3, 2, 5])
    #expect(done.collective == 5)
    #expect(MaxMinSimulation(routing, on: fabric).initialRates == [0.5, 0.5, 0.5])
  }

  @Test(
    "nothing completes before its loads allow; paced by size, all does just then",
    arguments: seeds(40))
  func bounds(seed: Seed) throws {
    var random = SplitMix64(seed)
    let fabric = try sampleFabric(&random, uneven: true)
    let demands = sampleDemands(&random, on: fabric, equal: false)
    for placement in PlacementTests.all {
      let routing = try placement.route(demands, on: fabric)
      let least = routing.loads(on: fabric).timeMin
      let free = MaxMinSimulation(routing, on: fabric).run()
      #expect(free.collective >= least * (1 - 1e-8))
      let paced = MaxMinSimulation(routing, on: fabric, fairness: .bySize).run()
      #expect(abs(paced.collective - least) <= 1e-8 * least, "\(placement)")
      #expect(paced.flows.max() ?? 0 == paced.collective)
    }
  }

  @Test("nothing to send takes no time")
  func nothing() throws {
    let fabric = try Fabric(leaves: 1, hostsPerLeaf: 1, spines: 1)
    let routing = try Placement.spraying.route([], on: fabric)
    #expect(MaxMinSimulation(routing, on: fabric).run().collective == 0)
    #expect(routing.loads(on: fabric).timeMin == 0)
  }
}
