// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning
import Testing

@Suite("All-reduce costs")
struct AllReduceMethodTests {
  /// 1 ms and 1 MB/s, so that 1000 bytes take 1 ms too.
  static func slow() throws -> LinkProfile {
    try LinkProfile(latency: .milliseconds(1), bytesPerSecond: 1e6)
  }

  @Test("the formulas at 8 members and 8000 bytes, in milliseconds")
  func formulas() throws {
    let link = try Self.slow()
    func time(_ method: AllReduceMethod, _ world: Int = 8) -> Duration {
      method.time(world: world, bytes: 8000, over: link)
    }
    #expect(time(.oneShot) == .milliseconds(1 + 56))
    #expect(time(.direct) == .milliseconds(2 + 14))
    #expect(time(.ring) == .milliseconds(14 + 14))
    #expect(time(.halvingDoubling) == .milliseconds(6 + 14))
    #expect(time(.tree) == .milliseconds(6 + 48))
    #expect(time(.star) == .milliseconds(2 + 112))
    // Of 9 members the 9th hands its vector in, and gets the sum.
    #expect(time(.halvingDoubling, 9) == .milliseconds(6 + 14 + 2 + 16))
    #expect(time(.tree, 9) == .milliseconds(8 + 64))
    for method in AllReduceMethod.allCases { #expect(time(method, 1) == .zero) }
  }

  @Test("what gathers at one member pays for it, and two members never do")
  func fanIn() throws {
    let lossy = try LinkProfile(latency: .zero, bytesPerSecond: 1e6, fanIn: 0.5)
    let clean = try LinkProfile(latency: .zero, bytesPerSecond: 1e6)
    for method in AllReduceMethod.allCases {
      let dear = method.time(world: 4, bytes: 1000, over: lossy)
      let cheap = method.time(world: 4, bytes: 1000, over: clean)
      let gathers = [.oneShot, .direct, .star].contains(method)
      #expect(dear == cheap * (gathers ? 2 : 1), "\(method)")
      #expect(
        method.time(world: 2, bytes: 1000, over: lossy)
          == method.time(world: 2, bytes: 1000, over: clean))
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
    for method in AllReduceMethod.allCases {
      let time = method.time(world: world, bytes: bytes, over: link)
      #expect(time <= method.time(world: world, bytes: more, over: link), "\(method)")
      let n = Double(world)
      let bare = try LinkProfile(latency: .zero, bytesPerSecond: link.bytesPerSecond)
      let least = method.time(world: world, bytes: bytes, over: bare)
      #expect(least <= time)
      let bound = 2 * (n - 1) / n * Double(bytes) / link.bytesPerSecond
      #expect(least / .seconds(1) >= bound * (1 - 1e-12) - 1e-17, "\(method)")
    }
  }

  @Test("the limits of all numbers together do not overflow")
  func limits() throws {
    let link = try LinkProfile(latency: .seconds(3600), bytesPerSecond: 1, fanIn: 0.01)
    for method in AllReduceMethod.allCases {
      #expect(
        method.time(world: AllReduceMethod.worldMax, bytes: AllReduceMethod.bytesMax, over: link)
          > .zero)
    }
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
