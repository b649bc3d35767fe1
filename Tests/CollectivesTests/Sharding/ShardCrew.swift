// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPlanning
import Foundation
import Synchronization
import Testing

/// Ranks in one process, a thread each, that hand bytes over in memory.
final class ShardCrew: Sendable {
  private struct Meeting {
    /// By rank, what it gives: to each of those who meet.
    var given: [Int: [[UInt8]]] = [:]
    var taken = 0
  }

  private let condition = NSCondition()
  /// By who meets, and the how manieth time it is.
  private let meetings = Mutex<[[Int]: [Int: Meeting]]>([:])
  private let isOver = Mutex(false)

  /// Does the same on all ranks at once; what one throws ends it for all.
  static func run<Result: Sendable>(
    _ world: Int, _ body: @escaping @Sendable (CrewFabric) throws -> Result
  ) throws -> [Result] {
    let crew = ShardCrew()
    let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
    let done = DispatchGroup()
    for rank in 0..<world {
      done.enter()
      let thread = Thread {
        let result = Swift.Result { try body(CrewFabric(rank: rank, crew: crew)) }
        if case .failure = result { crew.end() }
        results.withLock { $0[rank] = result }
        done.leave()
      }
      thread.stackSize = 1 << 20
      thread.start()
    }
    done.wait()
    let all = results.withLock { $0 }
    // The first that failed by itself, rather than because another did.
    for rank in 0..<world {
      guard case .failure(let error) = all[rank]! else { continue }
      if (error as? CollectiveError)?.code != .stopped { throw error }
    }
    return try (0..<world).map { try all[$0]!.get() }
  }

  private func end() {
    condition.lock()
    isOver.withLock { $0 = true }
    condition.broadcast()
    condition.unlock()
  }

  func meet(_ rank: Int, turn: Int, _ parts: [[UInt8]], among ranks: [Int]) -> [[UInt8]]? {
    let place = ranks.firstIndex(of: rank)!
    condition.lock()
    defer { condition.unlock() }
    meetings.withLock { $0[ranks, default: [:]][turn, default: Meeting()].given[rank] = parts }
    condition.broadcast()
    while meetings.withLock({ $0[ranks]![turn]!.given.count < ranks.count }) {
      if isOver.withLock({ $0 }) { return nil }
      condition.wait()
    }
    return meetings.withLock { all in
      let meeting = all[ranks]![turn]!
      let got = ranks.map { meeting.given[$0]![place] }
      all[ranks]![turn]!.taken += 1
      if all[ranks]![turn]!.taken == ranks.count { all[ranks]![turn] = nil }
      return got
    }
  }
}

/// One rank's end of a crew.
final class CrewFabric: ShardFabric, Sendable {
  let rank: Int
  private let crew: ShardCrew
  private let turns = Mutex<[[Int]: Int]>([:])

  init(rank: Int, crew: ShardCrew) {
    self.rank = rank
    self.crew = crew
  }

  func gather(_ bytes: [UInt8], among ranks: [Int]) throws(CollectiveError) -> [[UInt8]] {
    try exchange(Array(repeating: bytes, count: ranks.count), among: ranks)
  }

  func exchange(_ parts: [[UInt8]], among ranks: [Int]) throws(CollectiveError) -> [[UInt8]] {
    let turn = turns.withLock { turns in
      turns[ranks, default: 0] += 1
      return turns[ranks]!
    }
    guard let got = crew.meet(rank, turn: turn, parts, among: ranks) else {
      throw CollectiveError(.stopped, "another rank failed", place: "crew", remedy: "Look there.")
    }
    return got
  }
}

/// Adam without frills, in one place, for any range.
struct ToyAdam: ShardOptimizer {
  private var first: [Float]
  private var second: [Float]
  private(set) var steps = 0

  init(count: Int) {
    first = Array(repeating: 0, count: count)
    second = first
  }

  mutating func step(_ parameters: inout [Float], gradient: [Float], learningRate: Float) {
    steps += 1
    let correction1 = 1 - Float(pow(0.9, Double(steps)))
    let correction2 = 1 - Float(pow(0.95, Double(steps)))
    for i in parameters.indices {
      first[i] = 0.9 * first[i] + 0.1 * gradient[i]
      second[i] = 0.95 * second[i] + 0.05 * gradient[i] * gradient[i]
      parameters[i] -=
        learningRate * (first[i] / correction1)
        / ((second[i] / correction2).squareRoot() + 1e-8)
    }
  }

  var state: [(name: String, values: [Float])] { [("first", first), ("second", second)] }

  mutating func restore(_ state: [(name: String, values: [Float])], steps: Int) {
    (first, second, self.steps) = (state[0].values, state[1].values, steps)
  }
}

/// Plain descent.
struct ToyDescent: ShardOptimizer {
  private(set) var steps = 0
  var state: [(name: String, values: [Float])] { [] }

  mutating func step(_ parameters: inout [Float], gradient: [Float], learningRate: Float) {
    steps += 1
    for i in parameters.indices { parameters[i] -= learningRate * gradient[i] }
  }

  mutating func restore(_: [(name: String, values: [Float])], steps: Int) { self.steps = steps }
}
