// SPDX-License-Identifier: Apache-2.0

/// When flows complete that all begin together and share links max-min fairly.
///
/// A fluid model: no packets, no queues, no start-up. Rates are found by progressive filling
/// (Bertsekas and Gallager, Data Networks, §6.5.2): all rates grow alike until a link is full; what
/// crosses it keeps its rate, the others grow on. When a subflow is complete, the rest is filled anew.
public struct MaxMinSimulation: Sendable {
  /// Who gets how much of a full link.
  public enum Fairness: String, Sendable, CaseIterable {
    /// Every subflow the same: what congestion control of separate connections tends to.
    case bySubflow = "by-subflow"
    /// Every subflow in proportion to its size: senders that pace their pieces.
    ///
    /// All then completes at `LinkLoads.timeMin`, as early as the loads allow: a subflow's rate is at
    /// least its size over `timeMin`, since no link's load takes longer, and completions elsewhere
    /// only raise it. Equal loads are therefore equal times; with `.bySubflow` they are not.
    case bySize = "by-size"
  }

  /// When everything is complete, in units of time from the common beginning.
  public struct Completion: Sendable, Equatable {
    /// By demand: when its last piece is.
    public let flows: [Double]
    /// When the last of all is: 0 for no flows.
    public let collective: Double
  }

  /// What remains of a subflow below this part of its size is rounding.
  private static let remainder = 1e-9

  private let capacities: [Double]
  /// Link and part of each subflow, one subflow after the other.
  private var links: [Int32] = []
  private var parts: [Double] = []
  private var starts: [Int] = [0]
  private let weights: [Double]
  private let sizes: [Double]
  private let flowOf: [Int]
  private let flowCount: Int

  /// - Parameter routing: with ways over links of `fabric` that did not fail.
  public init(_ routing: Routing, on fabric: Fabric, fairness: Fairness = .bySubflow) {
    capacities = (0..<fabric.linkCount).map { fabric.capacity(ofLink: $0) }
    sizes = routing.subflows.map(\.size)
    weights = routing.subflows.map { fairness == .bySubflow ? 1 : $0.size }
    flowOf = routing.subflows.map(\.flow)
    flowCount = routing.demands.count
    for subflow in routing.subflows {
      routing.forEachLink(of: subflow, on: fabric) { link, part in
        precondition(capacities[link] > 0, "a way over link \(link), which failed")
        links.append(Int32(link))
        parts.append(part)
      }
      starts.append(links.count)
    }
  }

  /// Runs until all is complete.
  ///
  /// - Complexity: O(moments at which something completes × links of what is under way).
  public func run() -> Completion {
    var filling = Filling(simulation: self)
    var left = sizes
    var active = Array(sizes.indices)
    var flows = [Double](repeating: 0, count: flowCount)
    var now = 0.0
    while !active.isEmpty {
      filling.fill(active)
      var step = Double.infinity
      for one in active { step = min(step, left[one] / filling.rates[one]) }
      now += step
      active.removeAll { one in
        left[one] -= filling.rates[one] * step
        guard left[one] <= Self.remainder * sizes[one] else { return false }
        flows[flowOf[one]] = max(flows[flowOf[one]], now)
        return true
      }
    }
    return Completion(flows: flows, collective: now)
  }

  /// The max-min fair rates of all subflows at the beginning, in units of flow per unit of time.
  public var initialRates: [Double] {
    var filling = Filling(simulation: self)
    filling.fill(Array(sizes.indices))
    return filling.rates
  }
}

extension MaxMinSimulation {
  /// Progressive filling, with the memory that it needs again at every moment.
  private struct Filling {
    let simulation: MaxMinSimulation
    var rates: [Double]
    /// By link: what is not given away yet, and how fast the growing take it.
    private var free: [Double]
    private var growth: [Double]
    /// By link: the subflows under way that cross it.
    private var crossing: [[Int32]]
    /// By link: how many of those are still growing.
    private var growing: [Int]
    private var isFixed: [Bool]
    private var queue = LevelQueue()

    init(simulation: MaxMinSimulation) {
      self.simulation = simulation
      rates = Array(repeating: 0, count: simulation.sizes.count)
      free = simulation.capacities
      growth = Array(repeating: 0, count: free.count)
      crossing = Array(repeating: [], count: free.count)
      growing = Array(repeating: 0, count: free.count)
      isFixed = Array(repeating: false, count: rates.count)
    }

    mutating func fill(_ active: [Int]) {
      for link in free.indices {
        free[link] = simulation.capacities[link]
        growth[link] = 0
        crossing[link].removeAll(keepingCapacity: true)
      }
      for one in active {
        isFixed[one] = false
        for at in simulation.starts[one]..<simulation.starts[one + 1] {
          let link = Int(simulation.links[at])
          growth[link] += simulation.parts[at] * simulation.weights[one]
          crossing[link].append(Int32(one))
        }
      }
      queue.removeAll()
      for link in free.indices where !crossing[link].isEmpty {
        growing[link] = crossing[link].count
        queue.push(level: free[link] / growth[link], link: link)
      }
      var open = active.count
      while open > 0, let (level, link) = queue.pop() {
        guard growing[link] > 0 else { continue }
        // A link's level only rises as others are fixed, so an old entry is too low: try later.
        let current = max(level, free[link] / growth[link])
        if let next = queue.lowest, current > next {
          queue.push(level: current, link: link)
          continue
        }
        for one in crossing[link].map(Int.init) where !isFixed[one] {
          isFixed[one] = true
          open -= 1
          rates[one] = current * simulation.weights[one]
          for at in simulation.starts[one]..<simulation.starts[one + 1] {
            let other = Int(simulation.links[at])
            free[other] = max(0, free[other] - simulation.parts[at] * rates[one])
            growth[other] -= simulation.parts[at] * simulation.weights[one]
            growing[other] -= 1
          }
        }
      }
    }
  }
}

/// Links by the level at which they are full, lowest first; of equals the lower index.
private struct LevelQueue {
  private var heap: [(level: Double, link: Int)] = []

  var lowest: Double? { heap.first?.level }

  mutating func removeAll() { heap.removeAll(keepingCapacity: true) }

  mutating func push(level: Double, link: Int) {
    heap.append((level, link))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child] < heap[parent] else { break }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  mutating func pop() -> (level: Double, link: Int)? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child] < heap[least] {
        least = child
      }
      guard least != parent else { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
