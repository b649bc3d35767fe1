// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("All-reduce costs")
struct AllReduceCostTests {
  typealias Way = @Sendable (Int, Int) -> AllReduceCost
  static let ways: [(name: String, cost: Way)] = [
    ("one-shot", AllReduceCost.oneShot), ("direct", AllReduceCost.direct),
    ("halving-doubling", AllReduceCost.halvingDoubling), ("ring", AllReduceCost.ring),
    ("tree", AllReduceCost.tree), ("star", AllReduceCost.star),
  ]

  /// 1 ms and 1 MB/s, so that 1000 bytes take 1 ms too.
  static func slow() throws -> LinkProfile {
    try LinkProfile(latency: .milliseconds(1), bytesPerSecond: 1e6)
  }

  @Test("the formulas at 8 members and 8000 bytes, in milliseconds")
  func formulas() throws {
    let link = try Self.slow()
    func time(_ way: Way, _ world: Int = 8) -> Duration { way(world, 8000).time(over: link) }
    #expect(time(AllReduceCost.oneShot) == .milliseconds(1 + 56))
    #expect(time(AllReduceCost.direct) == .milliseconds(2 + 14))
    #expect(time(AllReduceCost.ring) == .milliseconds(14 + 14))
    #expect(time(AllReduceCost.halvingDoubling) == .milliseconds(6 + 14))
    #expect(time(AllReduceCost.tree) == .milliseconds(6 + 48))
    #expect(time(AllReduceCost.star) == .milliseconds(2 + 112))
    // Of 9 members the 9th hands its vector in, and gets the sum.
    #expect(time(AllReduceCost.halvingDoubling, 9) == .milliseconds(6 + 14 + 2 + 16))
    #expect(time(AllReduceCost.tree, 9) == .milliseconds(8 + 64))
    for way in Self.ways { #expect(time(way.cost, 1) == .zero) }
  }

  @Test("what gathers at one member pays for it, and two members never do")
  func fanIn() throws {
    let lossy = try LinkProfile(latency: .zero, bytesPerSecond: 1e6, fanIn: 0.5)
    let clean = try LinkProfile(latency: .zero, bytesPerSecond: 1e6)
    for (method, cost) in Self.ways {
      let dear = cost(4, 1000).time(over: lossy)
      let cheap = cost(4, 1000).time(over: clean)
      let gathers = ["one-shot", "direct", "star"].contains(method)
      #expect(dear == cheap * (gathers ? 2 : 1), "\(method)")
      #expect(
        cost(2, 1000).time(over: lossy) == cost(2, 1000).time(over: clean))
    }
  }

  @Test(
    "more bytes never take less, and nothing beats 2 (N - 1)/N of the bytes", arguments: seeds(60))
  func bounds(seed: Seed) throws {
    var random = SplitMix64(seed)
    let link = try LinkProfile(
      latency: .microseconds(Int.random(in: 0...100_000, using: &random)),
      bytesPerSecond: Double.random(in: 1e3...1e11, using: &random),
      fanIn: Double.random(in: 0.1...1, using: &random))
    let world = Int.random(in: 1...300, using: &random)
    let bytes = Int.random(in: 0...1 << 34, using: &random)
    let more = bytes + Int.random(in: 0...1 << 34, using: &random)
    for (method, cost) in Self.ways {
      let time = cost(world, bytes).time(over: link)
      #expect(time <= cost(world, more).time(over: link), "\(method)")
      let n = Double(world)
      let bare = try LinkProfile(latency: .zero, bytesPerSecond: link.bytesPerSecond)
      let least = cost(world, bytes).time(over: bare)
      #expect(least <= time)
      let bound = 2 * (n - 1) / n * Double(bytes) / link.bytesPerSecond
      #expect(least / .seconds(1) >= bound * (1 - 1e-12) - 1e-17, "\(method)")
    }
  }

  @Test("the limits of all numbers together do not overflow")
  func limits() throws {
    let link = try LinkProfile(latency: .seconds(3600), bytesPerSecond: 1, fanIn: 0.01)
    for (method, cost) in Self.ways {
      let most = cost(AllReduceCost.worldMax, AllReduceCost.bytesMax)
      #expect(most.time(over: link) > .zero, "\(method)")
    }
  }

  @Test("levels of islands share the vector between them")
  func hierarchical() throws {
    let link = try Self.slow()
    let levels = AllReduceCost.hierarchical(groups: [2, 1, 4], bytes: 8000)
    #expect(levels.map { $0.time(over: link) } == [.milliseconds(2 + 8), .zero, .milliseconds(8)])
    // In all, the bytes of one direct exchange among all.
    let bytes = levels.reduce(0) { $0 + $1.bytesInSeries }
    #expect(bytes == AllReduceCost.direct(world: 8, bytes: 8000).bytesInSeries)
  }

  @Test("a link that cannot be is refused")
  func refuses() {
    #expect(throws: PlanningError.self) {
      try LinkProfile(latency: .seconds(-1), bytesPerSecond: 1)
    }
    #expect(throws: PlanningError.self) { try LinkProfile(latency: .zero, bytesPerSecond: .nan) }
    #expect(throws: PlanningError.self) {
      try LinkProfile(latency: .zero, bytesPerSecond: 1, fanIn: 0)
    }
  }
}
