// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryIslands
import FerryPeers
import Foundation
import Testing

/// Two levels, with an engine that stands in for MPI.
@Suite("Island group")
struct IslandGroupTests {
  /// A leader and ranks that give as many values, all the same ones.
  private struct Alike: IslandEngine {
    var rank = 0
    let size: Int
    var heard: [UInt8] = []

    func sum(_ values: inout [Float]) throws(IslandError) {
      for i in values.indices { values[i] *= Float(size) }
    }
    func sum(_ values: inout [Double]) throws(IslandError) {
      for i in values.indices { values[i] *= Double(size) }
    }
    func share(_ bytes: inout [UInt8]) throws(IslandError) {}
    func share(_ values: inout [Float]) throws(IslandError) {}
  }

  @Test("an island alone has the mean of its ranks")
  func alone() throws {
    let island = IslandGroup(Alike(size: 4), leading: nil)
    var values: [Float] = [1, 2]
    let outcome = try island.allReduce(&values, weight: 3, within: .seconds(1))
    #expect(values == [1, 2])
    #expect(outcome == .init(number: 1, islands: 1, ranks: 4, weight: 12))
  }

  @Test("islands count by the weight of all their ranks")
  func two() throws {
    var generator = SystemRandomNumberGenerator()
    var settings = PeerGroup.Settings(
      run: "islands", secret: RunSecret.generated(using: &generator))
    settings.group.membersMin = 2
    let first = try PeerGroup.found(settings)
    let (second, _) = try PeerGroup.join(at: first.address, settings, within: .seconds(30))
    let third = second.me
    let pending = PendingIsland(second)
    var values: [Float] = [0]
    let outcome = try IslandGroup(Alike(size: 3), leading: first)
      .allReduce(&values, within: .seconds(30))
    #expect(outcome == .init(number: 1, islands: 2, ranks: 4, weight: 4))
    #expect(values == [1], "3 ranks of 0 and one of 4")
    #expect(pending.wait() == [1])
    #expect(third != first.me)
    first.close()
    second.close()
  }

  @Test("what fails at the leader fails on all ranks, with its reason")
  func failure() throws {
    var generator = SystemRandomNumberGenerator()
    var settings = PeerGroup.Settings(
      run: "islands", secret: RunSecret.generated(using: &generator))
    settings.group.membersMin = 2
    let lonely = try PeerGroup.found(settings)
    var values: [Float] = [0]
    let island = IslandGroup(Alike(size: 2), leading: lonely)
    #expect {
      try island.allReduce(&values, within: .milliseconds(50))
    } throws: { error in
      let error = error as? IslandError
      return error?.code == .leaderFailed && error?.what.contains("waited in vain") == true
    }
    lonely.close()
  }
}

/// An island of one rank, on a thread of its own.
private final class PendingIsland: @unchecked Sendable {
  // SAFETY: `values` is written before the message that `wait` takes.
  private var values: [Float] = [4]
  private let done = Inbox<Bool>()

  init(_ group: PeerGroup) {
    let thread = Thread { [self] in
      let outcome = try? group.allReduce(
        values, note: [1, 0, 0, 0], within: .seconds(30))
      values = outcome?.values ?? []
      done.put(true)
    }
    thread.start()
  }

  func wait() -> [Float] {
    _ = done.take(waiting: .seconds(30))
    return values
  }
}
