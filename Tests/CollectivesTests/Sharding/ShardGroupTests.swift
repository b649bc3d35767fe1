// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import FerryPlanning
import Foundation
import Synchronization
import Testing

/// Sharded steps over real links on loopback: two hosts of two ranks, all in this process.
@Suite("Shard group")
struct ShardGroupTests {
  private static let patience: Duration = .seconds(60)
  private static let count = 700

  static func group(of count: Int) throws -> [PeerGroup] {
    var chance = SplitMix64(Seed(6))
    var settings = PeerGroup.Settings(run: "shards", secret: .generated(using: &chance))
    settings.group.membersMin = count
    let first = try PeerGroup.found(settings)
    let all =
      try [first]
      + (1..<count).map { _ in
        try PeerGroup.join(at: first.address, settings, within: patience).group
      }
    // All know of all once each has heard from the others.
    let pending = all.map { $0.start(.barrier, on: Channel(tag: 9), within: patience) }
    for call in pending { try call.wait() }
    return all
  }

  /// The same on all at once, a thread each.
  static func together<Result: Sendable>(
    _ peers: [PeerGroup], _ body: @escaping @Sendable (Int, PeerGroup) throws -> Result
  ) -> [Swift.Result<Result, any Error>] {
    let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
    let done = DispatchGroup()
    for (rank, peer) in peers.enumerated() {
      done.enter()
      Thread {
        let result = Swift.Result { try body(rank, peer) }
        results.withLock { $0[rank] = result }
        done.leave()
      }.start()
    }
    done.wait()
    return results.withLock { all in
      for (rank, result) in all.sorted(by: { $0.key < $1.key }) {
        // One that gives up makes the others wait for it: each tells its own reason.
        if case .failure(let error) = result { Issue.record("rank \(rank): \(error)") }
      }
      return peers.indices.map { all[$0]! }
    }
  }

  private static func member(
    _ scheme: ShardScheme, _ nest: Nest, rank: Int, copies: ShardCopies = .none
  ) throws -> ShardMember<ToyAdam> {
    let layout = try ShardLayout(count: count, nest: nest, block: 8)
    return try ShardMember(
      scheme, layout: layout, rank: rank, parameters: sample(count, Seed(1)), seed: Seed(2),
      copies: copies
    ) { ToyAdam(count: $0.count) }
  }

  @Test("over links every scheme comes to the bits that it comes to in memory")
  func links() throws {
    let nest = try Nest([2, 2])
    let peers = try Self.group(of: 4)
    let names = peers.map(\.me.id)
    for (number, scheme) in ShardScheme.all(over: nest).enumerated() {
      let inMemory = try ShardCrew.run(4) { fabric in
        var member = try Self.member(scheme, nest, rank: fabric.rank)
        for step in 0..<5 { try ShardMemberTests.advance(&member, step, fabric) }
        return try member.weights(over: fabric)
      }
      let overLinks = try Self.together(peers) { rank, peer in
        let fabric = try ShardGroup(
          peer, nest: nest, peers: names, tag: UInt64(100 + number), within: Self.patience)
        var member = try Self.member(scheme, nest, rank: fabric.rank)
        for step in 0..<5 { try ShardMemberTests.advance(&member, step, fabric) }
        return try member.weights(over: fabric)
      }.map { try $0.get() }
      #expect(overLinks == inMemory, "\(scheme.name)")
    }
  }

  /// Where in a step a rank dies: before it has weights, before it gives its gradient, after that.
  enum Instant: CaseIterable { case idle, computing, stepping }

  @Test(
    "when a rank dies all others end at once, told what was lost, and go on from checkpoints",
    arguments: Instant.allCases)
  func death(instant: Instant) throws {
    let nest = try Nest([2, 2])
    let peers = try Self.group(of: 4)
    let names = peers.map(\.me.id)
    let scheme = ShardScheme(.nested, over: nest)
    let parts = Mutex<[Int: ShardCheckpoint]>([:])
    let began = ContinuousClock.now
    let ends = Self.together(peers) { rank, peer in
      let fabric = try ShardGroup(peer, nest: nest, peers: names, within: Self.patience)
      var member = try Self.member(scheme, nest, rank: fabric.rank)
      for step in 0..<100 {
        if step == 3 { parts.withLock { $0[rank] = member.checkpoint() } }
        let dies = step == 5 && rank == 2
        do throws(CollectiveError) {
          if dies, instant == .idle { break }
          let weights = try member.weights(over: fabric)
          if dies, instant == .computing { break }
          try member.add(
            ShardMemberTests.gradient(at: weights, rank: rank, step: step), over: fabric)
          if dies { break }
          try member.step(learningRate: 0.01, over: fabric)
        } catch {
          #expect(error.code == .lost, "\(error)")
          #expect(error.culprit == 2 || error.what.hasPrefix("a fellow gave up"), "\(error)")
          // It is over, and says so again.
          #expect(throws: CollectiveError.self) { try member.weights(over: fabric) }
          return error.what
        }
      }
      peer.close()
      return ""
    }
    #expect(ContinuousClock.now - began < .seconds(30), "nobody waited for a deadline")
    let whats = try [0, 1, 3].map { try ends[$0].get() }
    let full = whats.filter { !$0.hasPrefix("a fellow gave up") }
    #expect(!full.isEmpty)
    for what in full {
      #expect(what.hasPrefix("rank 2 (\(peers[2].me.id.short)) is gone"), "\(what)")
      #expect(what.hasSuffix("it alone owned the state of parameters 176..<352"), "\(what)")
    }
    let all = parts.withLock { Array($0.values) }
    let pair = try Nest([2])
    let rest = [peers[0], peers[3]]
    let layout = try ShardLayout(count: Self.count, nest: pair, block: 8)
    let resumed = try Self.together(rest) { rank, peer in
      let fabric = try ShardGroup(
        peer, nest: pair, peers: rest.map(\.me.id), tag: 7, within: Self.patience)
      var member: ShardMember<ToyAdam> = try ShardMember(
        resuming: all, ShardScheme(.zero3, over: pair), layout: layout, rank: fabric.rank,
        seed: Seed(2), over: fabric
      ) { ToyAdam(count: $0.count) }
      for step in 3..<6 { try ShardMemberTests.advance(&member, step, fabric) }
      #expect(member.steps == 6)
      return try member.weights(over: fabric)
    }.map { try $0.get() }
    #expect(resumed[0] == resumed[1])
  }

  @Test(
    "with copies those who are left go on from the last step without any file, to the bit",
    arguments: Instant.allCases)
  func copies(instant: Instant) throws {
    let nest = try Nest([2, 2])
    let peers = try Self.group(of: 4)
    let names = peers.map(\.me.id)
    let scheme = ShardScheme(.nested, over: nest)
    let pair = try Nest([2])
    let layout = try ShardLayout(count: Self.count, nest: pair, block: 8)
    let plain = ShardScheme(.zero3, over: pair)
    let survivors = [0, 1, 3].map { peers[$0].me.id }
    let ends = Self.together(peers) { rank, peer -> (Int, [Float])? in
      let fabric = try ShardGroup(peer, nest: nest, peers: names, within: Self.patience)
      var member = try Self.member(scheme, nest, rank: fabric.rank, copies: .neighbor)
      for step in 0..<100 {
        let dies = step == 5 && rank == 2
        do throws(CollectiveError) {
          if dies, instant == .idle { break }
          let weights = try member.weights(over: fabric)
          if dies, instant == .computing { break }
          try member.add(
            ShardMemberTests.gradient(at: weights, rank: rank, step: step), over: fabric)
          if dies { break }
          try member.step(learningRate: 0.01, over: fabric)
        } catch {
          #expect(
            error.what.hasSuffix("a neighbor has a copy of the state of parameters 176..<352"))
          break
        }
      }
      if rank == 2 {
        peer.close()
        return nil
      }
      let all = try ShardGroup.collect(
        member.parts, from: peer, among: survivors, tag: 5, within: Self.patience)
      guard rank != 1 else { return nil }
      let parts = try #require(ShardCheckpoint.newest(of: all, covering: Self.count))
      let smaller = try ShardGroup(
        peer, nest: pair, peers: [names[0], names[3]], tag: 7, within: Self.patience)
      var resumed: ShardMember<ToyAdam> = try ShardMember(
        resuming: parts, plain, layout: layout, rank: smaller.rank, seed: Seed(2),
        copies: .neighbor, over: smaller
      ) { ToyAdam(count: $0.count) }
      let steps = resumed.steps
      for step in 0..<3 { try ShardMemberTests.advance(&resumed, step, smaller) }
      return (steps, try resumed.weights(over: smaller))
    }
    let first = try #require(try ends[0].get())
    let last = try #require(try ends[3].get())
    #expect(first.0 == last.0 && (4...5).contains(first.0))
    #expect(first.1 == last.1)

    // The same without a death, from a checkpoint of that step.
    let kept = try ShardCrew.run(4) { fabric in
      var member = try Self.member(scheme, nest, rank: fabric.rank)
      for step in 0..<first.0 { try ShardMemberTests.advance(&member, step, fabric) }
      return try ShardCheckpoint(decoding: member.checkpoint().encoded())
    }
    let expected = try ShardCrew.run(2) { fabric in
      var member: ShardMember<ToyAdam> = try ShardMember(
        resuming: kept, plain, layout: layout, rank: fabric.rank, seed: Seed(2), over: fabric
      ) { ToyAdam(count: $0.count) }
      for step in 0..<3 { try ShardMemberTests.advance(&member, step, fabric) }
      return try member.weights(over: fabric)
    }
    #expect(first.1 == expected[0])
  }

  @Test("peers that do not make up the nest are refused")
  func refused() throws {
    let peers = try Self.group(of: 2)
    let names = peers.map(\.me.id)
    func what(_ nest: Nest, _ names: [PeerID]) -> String? {
      do {
        _ = try ShardGroup(peers[0], nest: nest, peers: names, within: Self.patience)
        return nil
      } catch { return error.description }
    }
    let nest = try Nest([2])
    #expect(what(nest, names) == nil)
    #expect(
      what(nest, [names[0], names[0]])
        == "bad-group: 1 peers for 2 ranks (shards over [2]). Name each rank's peer once, or choose "
        + "a nest of as many ranks.")
    let stranger = Identity().id
    #expect(
      what(nest, [names[0], stranger])
        == "bad-group: \(stranger.short) is no member (shards over [2]). Wait until all ranks have "
        + "joined.")
    #expect(
      what(try Nest([1]), [names[1]])
        == "bad-group: this peer is not among the ranks (shards over [1]). Name it, or leave it out "
        + "of this run.")
  }
}
