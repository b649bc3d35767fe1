// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import Foundation
import Synchronization
import Testing

/// Groups over real links on loopback, all in this process.
@Suite("PeerGroup")
struct PeerGroupTests {
  private static let patience: Duration = .seconds(60)

  private func settings(members: Int = 1, run: String = "sums") -> PeerGroup.Settings {
    var chance = SplitMix64(Seed(5))
    var settings = PeerGroup.Settings(run: run, secret: RunSecret.generated(using: &chance))
    settings.group.membersMin = members
    return settings
  }

  /// A group of `count`, and what newcomers were given.
  private func group(of count: Int) throws -> [PeerGroup] {
    let first = try PeerGroup.found(settings(members: count))
    return try [first]
      + (1..<count).map { _ in
        try PeerGroup.join(
          at: first.address, settings(members: count), within: Self.patience
        ).group
      }
  }

  /// Every peer does its part on a thread of its own; the outcomes or errors in their order.
  private func all<Value: Sendable>(
    _ peers: [PeerGroup], _ body: @escaping @Sendable (Int, PeerGroup) throws -> Value
  ) -> [Result<Value, any Error>] {
    let results = Mutex([Int: Result<Value, any Error>]())
    let done = DispatchGroup()
    for (index, peer) in peers.enumerated() {
      done.enter()
      Thread {
        let result = Result { try body(index, peer) }
        results.withLock { $0[index] = result }
        done.leave()
      }.start()
    }
    done.wait()
    return results.withLock { results in peers.indices.map { results[$0]! } }
  }

  @Test("members hold the same mean, with everybody's note and share")
  func mean() throws {
    let peers = try group(of: 3)
    for round in 1...5 {
      let outcomes = try all(peers) { index, peer in
        try peer.allReduce(
          [Float(index), 1, Float(round)], weight: index == 2 ? 2 : 1, note: [UInt8(index)],
          within: Self.patience)
      }.map { try $0.get() }
      #expect(outcomes.allSatisfy { $0 == outcomes[0] })
      #expect(outcomes[0].values == [1.25, 1, Float(round)])
      #expect(Set(outcomes[0].contributors.map(\.note)) == [[0], [1], [2]])
    }
    #expect(peers[1].view?.members.count == 3)
    for purpose in [Purpose.exchange, .membership] {
      #expect(peers[0].meter.snapshot()[purpose].wireSent > 0)
    }
    for result in all(peers, { _, peer in try peer.leave(within: Self.patience) }) {
      try result.get()
    }
  }

  @Test("the README's two peers learn the same weights")
  func readme() throws {
    let settings = settings()
    let first = try PeerGroup.found(settings)
    let (second, state) = try PeerGroup.join(at: first.address, settings, within: .seconds(30))
    #expect(state.round == 0 && first.me != second.me)
    let learnt = try all([first, second]) { index, peer -> [Float] in
      var weights: [Float] = [1, 2]
      let samples = index + 1
      for _ in 1...3 {
        let gradient = weights.map { $0 + Float(index) }
        let mean = try peer.allReduce(
          gradient, weight: Double(samples), state: [("weights", weights)], within: .seconds(60))
        for (weight, change) in zip(weights.indices, mean.values) {
          weights[weight] -= 0.1 * change
        }
      }
      return weights
    }.map { try $0.get() }
    #expect(learnt[0] == learnt[1])
    // w ← 0.9 w − 0.1 · 2/3, three times.
    let expected = [1.0, 2].map { 0.729 * $0 - 0.1 * (2.0 / 3) * 2.71 }
    for (weight, exact) in zip(learnt[0], expected) { #expect(abs(Double(weight) - exact) < 1e-5) }
  }

  @Test("who is gone is left out, and the round is that of the others")
  func loss() throws {
    var peers = try group(of: 3)
    _ = try all(peers) { _, peer in try peer.allReduce([1], within: Self.patience) }
      .map { try $0.get() }
    // Its links end without a word, as if it had been killed.
    peers[0].close()
    peers.removeFirst()
    let outcomes = try all(peers) { _, peer in try peer.allReduce([3], within: Self.patience) }
      .map { try $0.get() }
    #expect(outcomes[0].values == [3] && outcomes[0].contributors.count == 2)
    #expect(outcomes[0] == outcomes[1])
  }

  @Test("a newcomer gets the state of the round before, and takes part in the next")
  func newcomer() throws {
    let first = try PeerGroup.found(settings())
    for _ in 1...3 { _ = try first.allReduce([1], within: Self.patience) }
    let address = first.address
    let results = all([first, first]) { index, peer -> (UInt64, [Float], Int) in
      if index == 0 {
        // Goes on alone until it has company.
        var last = try peer.allReduce([1], state: [("w", [7, 8])], within: Self.patience)
        while last.contributors.count < 2 {
          last = try peer.allReduce([1], state: [("w", [7, 8])], within: Self.patience)
        }
        return (last.round, last.values, last.contributors.count)
      }
      let (newcomer, state) = try PeerGroup.join(
        at: address, settings(), within: Self.patience)
      #expect(state.tensors.map(\.name) == ["w"] && state.tensors[0].values == [7, 8])
      let outcome = try newcomer.allReduce([3], state: state.tensors, within: Self.patience)
      #expect(outcome.round == state.round + 1)
      return (outcome.round, outcome.values, outcome.contributors.count)
    }
    let (a, b) = (try results[0].get(), try results[1].get())
    #expect(a.0 == b.0 && a.1 == [2] && b.1 == [2] && b.2 == 2)
  }

  @Test("who holds another state is told so until it reloads, even if it was let in again")
  func eviction() throws {
    let outcomes = try all(try group(of: 3)) { index, peer -> RoundOutcome in
      func sum(_ state: Float) throws -> RoundOutcome {
        try peer.allReduce([1], state: [("w", [state])], within: Self.patience)
      }
      _ = try sum(0)
      var last: RoundOutcome?
      if index == 2 {
        #expect(throws: CollectiveError.self) { try sum(9) }
        // Let in again after its pause; its caller has not looked yet.
        let end = ContinuousClock.now + Self.patience
        while peer.view == nil, ContinuousClock.now < end { sched_yield() }
        let error = #expect(throws: CollectiveError.self) { try sum(9) }
        #expect(error?.code == .evicted)
        let state = try peer.reload(within: Self.patience)
        #expect(state.tensors[0].values == [1])
      }
      while last?.contributors.count != 3 { last = try sum(1) }
      return last!
    }.map { try $0.get() }
    #expect(outcomes[0] == outcomes[1] && outcomes[1] == outcomes[2])
  }

  @Test("nothing waits longer than its deadline, and says for what")
  func deadline() throws {
    let peers = try group(of: 2)
    let error = #expect(throws: CollectiveError.self) {
      try peers[0].allReduce([1], within: .milliseconds(300))
    }
    #expect(error?.code == .deadline)
    #expect(error?.what.hasPrefix("waited in vain for round 1 (2 members; ") == true)
    // The round was handed in: it ends when the other comes, and its caller may still have it.
    let outcome = try peers[1].allReduce([3], within: Self.patience)
    #expect(try peers[0].allReduce([9], within: Self.patience) == outcome)
    #expect(outcome.values == [2])
  }

  @Test("a peer with another secret is refused, and told why")
  func wrongSecret() throws {
    let first = try PeerGroup.found(settings())
    let other = PeerGroup.Settings(
      run: "sums", secret: RunSecret(String(repeating: "A", count: 43))!)
    let error = #expect(throws: CollectiveError.self) {
      try PeerGroup.join(at: first.address, other, within: .seconds(2))
    }
    #expect(error?.what.contains("last refusal: wrong-secret: ") == true)
  }
}
