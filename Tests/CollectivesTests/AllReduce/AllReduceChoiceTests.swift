// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPlanning
import Testing

@Suite("All-reduce choice")
struct AllReduceChoiceTests {
  @Test("is the fastest of those allowed", arguments: (1...60).map { Seed($0) })
  func fastest(seed: Seed) throws {
    var random = SplitMix64(seed)
    let link = try LinkProfile(
      latency: .microseconds(Int.random(in: 0...50_000, using: &random)),
      bytesPerSecond: Double.random(in: 1e4...1e10, using: &random),
      fanIn: Double.random(in: 0.2...1, using: &random))
    let world = Int.random(in: 2...64, using: &random)
    let bytes = Int.random(in: 0...1 << 30, using: &random)
    let ways = AllReduceAlgorithm.allCases.filter { _ in Bool.random(using: &random) } + [.ring]
    let choice = AllReduceChoice.best(of: ways, world: world, bytes: bytes, over: link)
    #expect(ways.contains(choice.algorithm))
    let times = ways.compactMap { $0.cost(world: world, bytes: bytes)?.time(over: link) }
    #expect(choice.time == times.min())
  }

  @Test("there is a crossover: few bytes go in one shot, more direct, many where nothing gathers")
  func crossover() throws {
    let link = try LinkProfile(latency: .milliseconds(1), bytesPerSecond: 1e8, fanIn: 0.8)
    func way(_ bytes: Int) -> AllReduceAlgorithm {
      AllReduceChoice.best(world: 8, bytes: bytes, over: link).algorithm
    }
    #expect(way(100) == .oneShot)
    #expect(way(100_000) == .direct)
    #expect(way(100_000_000) == .halvingDoubling)
    // Where one shot and direct cost the same: S = αB / ((N − 1)(1 − 2/N)), here over 0.8 B.
    let even = 1e-3 * 0.8e8 / (7 * (1 - 2.0 / 8))
    #expect(way(Int(even * 0.99)) == .oneShot && way(Int(even * 1.01)) == .direct)
  }

  @Test("without halving and doubling, a group that is no power of two ends with a ring")
  func ring() throws {
    let link = try LinkProfile(latency: .milliseconds(1), bytesPerSecond: 1e8, fanIn: 0.8)
    #expect(AllReduceChoice.best(world: 6, bytes: 1 << 30, over: link).algorithm == .ring)
  }

  @Test("a tree is chosen where latency rules and no two may send to one at once")
  func tree() throws {
    let link = try LinkProfile(latency: .milliseconds(5), bytesPerSecond: 1e8)
    let choice = AllReduceChoice.best(of: [.ring, .tree], world: 6, bytes: 32 << 10, over: link)
    #expect(choice.algorithm == .tree)
  }

  @Test("the reason is a sentence with the figures")
  func reason() throws {
    let link = try LinkProfile(latency: .microseconds(200), bytesPerSecond: 125e6)
    #expect(
      AllReduceChoice.best(world: 4, bytes: 4096, over: link).reason
        == "one-shot: 1 hop and 12288 bytes over one link should take 298 µs, direct 449 µs")
    #expect(
      AllReduceChoice.best(of: [.direct, .star], world: 4, bytes: 64 << 20, over: link).reason
        == "direct: 2 hops and 100663296 bytes over one link should take 805 ms, star 3221 ms")
    #expect(
      AllReduceChoice.best(of: [.tree], world: 4, bytes: 1 << 40, over: link).reason
        == "tree: 4 hops and 4398046511104 bytes over one link should take 35184 s")
    #expect(
      AllReduceChoice.best(world: 1, bytes: 9, over: link).reason
        == "one-shot: one member has its sum")
  }
}
