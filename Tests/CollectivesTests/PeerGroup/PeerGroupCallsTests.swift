// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import FerryTensors
import Foundation
import Synchronization
import Testing

/// Operations on channels over real links on loopback, all in this process.
@Suite("PeerGroup calls")
struct PeerGroupCallsTests {
  private static let patience: Duration = .seconds(60)

  private func group(of count: Int) throws -> [PeerGroup] {
    var chance = SplitMix64(Seed(6))
    var settings = PeerGroup.Settings(run: "calls", secret: .generated(using: &chance))
    settings.group.membersMin = count
    let first = try PeerGroup.found(settings)
    return try [first]
      + (1..<count).map { _ in
        try PeerGroup.join(at: first.address, settings, within: Self.patience).group
      }
  }

  private func floats(_ outcome: CallOutcome) -> [Float] {
    guard case .f32(let values) = outcome.values else { return [] }
    return values
  }

  @Test("many calls at once, made by one thread, all come to their sums")
  func many() throws {
    let peers = try group(of: 3)
    let pending = (0..<3).flatMap { tag in
      (0..<20).map { number in
        peers.enumerated().map { rank, peer in
          peer.start(
            .allReduce(.f32([Float(tag), Float(number), Float(rank)])),
            on: Channel(tag: UInt64(tag)), within: Self.patience)
        }
      }
    }
    // Whoever has all its results may be gone before the last of the others, which is a loss to them.
    defer { withExtendedLifetime(peers) {} }
    for (index, calls) in pending.enumerated() {
      let expected: [Float] = [3 * Float(index / 20), 3 * Float(index % 20), 3]
      for (rank, call) in calls.enumerated() {
        let outcome = try call.wait()
        #expect(
          floats(outcome) == expected && outcome.number == UInt64(index % 20 + 1),
          "rank \(rank), tag \(index / 20), call \(index % 20 + 1): \(outcome)")
      }
    }
  }

  @Test("a slice of a tensor is an operand where it lies, and takes the result")
  func slice() throws {
    let peers = try group(of: 2)
    let tables = Mutex<[[Float]]>([[], []])
    DispatchQueue.concurrentPerform(iterations: 2) { rank in
      let whole = (0..<12).map { Float($0 * (rank + 1)) }
      var table = whole
      do {
        var view = table.mutableSpan
        try Self.meanOfColumn(peers[rank], whole, into: &view)
      } catch { Issue.record("\(error)") }
      tables.withLock { $0[rank] = table }
    }
    let outcomes = tables.withLock { $0 }
    #expect(outcomes[0] == [0, 1.5, 2, 3, 4, 7.5, 6, 7, 8, 13.5, 10, 11])
    #expect(outcomes[1] == [0, 1.5, 4, 6, 8, 7.5, 12, 14, 16, 13.5, 20, 22])
  }

  private static func meanOfColumn(
    _ peer: PeerGroup, _ table: [Float], into view: inout MutableSpan<Float>
  ) throws {
    let column = try TensorSlice(.f32, of: [3, 4], [0..<3, 1..<2])
    let outcome = try peer.perform(
      .allReduce(Values(column, of: table.span), .mean), on: Channel(tag: 3), within: .seconds(60))
    try outcome.values.write(to: column, of: &view)
  }

  @Test("large calls on several tags are under way at once, and their bits are equal")
  func large() throws {
    let peers = try group(of: 3)
    let values = peers.indices.map { rank in
      sample(300_000, Seed(UInt64(rank)))
    }
    let pending = (1...3).map { tag in
      peers.enumerated().map { rank, peer in
        peer.start(
          .allReduce(.f32(values[rank]), .mean), on: Channel(tag: UInt64(tag)),
          within: Self.patience)
      }
    }
    let outcomes = try pending.map { try $0.map { floats(try $0.wait()) } }
    for outcome in outcomes.flatMap(\.self) { #expect(outcome == outcomes[0][0]) }
    let sum: Float = values[0][7] + values[1][7] + values[2][7]
    #expect(abs(outcomes[0][0][7] - sum / 3) < 1e-6)
  }

  @Test("a member that is gone leaves calls that the others finish")
  func loss() throws {
    var peers = try group(of: 3)
    let waiting = peers.dropLast().map { peer in
      (1...4).map { tag in
        peer.start(
          .allReduce(.f32(Array(repeating: 1, count: 50_000))),
          on: Channel(tag: UInt64(tag)), within: Self.patience)
      }
    }
    peers.removeLast().close()
    for calls in waiting {
      for call in calls {
        let outcome = try call.wait()
        #expect(outcome.contributors.count == 2 && floats(outcome)[49_999] == 2)
      }
    }
  }

  @Test("the README's calls come to what it says")
  func readme() throws {
    let peers = try group(of: 2)
    let done = peers.map { peer in
      let rank = peer === peers[0] ? 0 : 1
      let (counts, losses) = ([Int32(rank), 7], [Float(rank)])
      let largest = peer.start(
        .allReduce(.i32(counts), .max), on: Channel(tag: 1), within: .seconds(60))
      let everybody = peer.start(
        .allGather(.f32(losses)), on: Channel(tag: 2), within: .seconds(60))
      return {
        print(try largest.wait().values, try everybody.wait().parts.count)
        #expect(try largest.wait().values == .i32([1, 7]))
        #expect(try everybody.wait().parts.map(\.values) == [.f32([0]), .f32([1])])
      }
    }
    for check in done { try check() }
  }

  @Test("a task can wait for a call, too")
  func task() async throws {
    let peers = try group(of: 2)
    let pending = peers.map {
      $0.start(.allGather(.f32([1, 2])), within: Self.patience)
    }
    for call in pending { #expect(floats(try await call.outcome) == [1, 2, 1, 2]) }
  }

  @Test("cancelling, deadlines and leaving end a wait with the reason")
  func ends() throws {
    let peers = try group(of: 2)
    let cancelled = peers[0].start(.allReduce(.f32([1])), within: Self.patience)
    cancelled.cancel()
    #expect(throws: CollectiveError.self) { try cancelled.wait() }
    let late = peers[0].start(
      .allReduce(.f32([1])), on: Channel(tag: 1), within: .milliseconds(50))
    let error = #expect(throws: CollectiveError.self) { try late.wait() }
    #expect(error?.code == .deadline)
    #expect(error?.what == "its time is over; \(peers[1].me.id.short) made no such call")
    let open = peers[0].start(.allReduce(.f32([1])), on: Channel(tag: 2), within: Self.patience)
    peers[0].close()
    let after = peers[0].start(.allReduce(.f32([1])), within: Self.patience)
    for call in [open, after] {
      let error = #expect(throws: CollectiveError.self) { try call.wait() }
      #expect(error?.code == .stopped)
    }
  }
}
