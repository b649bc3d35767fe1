// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import FerryTensors
import Testing

@Suite("Operations of one hop")
struct OneHopTests {
  private func sum(_ values: Float...) -> Call { .allReduce(.f32(values)) }

  /// A group whose workers do nothing.
  private func idle(_ count: Int) -> GroupNet {
    GroupNet.group(
      count,
      prepare: { net in
        for peer in 0..<count { net.peers[peer].values = nil }
      })
  }

  private func value(_ net: GroupNet, _ peer: Int, _ id: UInt64) -> [Float]? {
    guard case .success(let outcome)? = net.result(peer, id),
      case .f32(let values) = outcome.values
    else { return nil }
    return values
  }

  @Test("few values cost one message to each, and so does a barrier", arguments: [true, false])
  func messages(isBarrier: Bool) {
    var net = idle(3)
    var counts: [String: Int] = [:]
    net.fate = { _, _, message in
      switch message {
      case .ready: counts["ready", default: 0] += 1
      case .chunk, .done, .told: counts["other", default: 0] += 1
      default: break
      }
      return .arrives
    }
    let ids = (0..<3).map { net.call($0, isBarrier ? .barrier : sum(1, Float($0))) }
    net.deliver()
    for peer in 0..<3 {
      #expect(throws: Never.self) { try net.result(peer, ids[peer])?.get() }
      #expect(isBarrier || value(net, peer, ids[peer]) == [3, 3])
    }
    #expect(counts == ["ready": 6])
  }

  @Test(
    "few values are weighed as all say, which nobody knows who sends its own",
    arguments: [[1, 1, 1], [1, 1, 3], [0, 1, 3], [2, 2, 2], [1, 0, 1]] as [[Double]])
  func weights(_ weights: [Double]) {
    var net = idle(3)
    let ids = weights.indices.map {
      net.call($0, .allReduce(.f32([Float($0), 8]), .mean, weight: weights[$0]))
    }
    net.deliver()
    let sum = weights.reduce(0, +)
    let mean = Float((weights[1] + 2 * weights[2]) / sum)
    for peer in 0..<3 {
      let found = value(net, peer, ids[peer]) ?? [.nan, .nan]
      #expect(abs(found[0] - mean) < 1e-6 && abs(found[1] - 8) < 1e-6)
    }
  }

  @Test("a result handed out stands: who missed the last word of a dead member hears it")
  func told() throws {
    var net = idle(4)
    net.fate = { from, to, message in
      if case .ready = message, from == 3, to == 1 || to == 2 { return .waits }
      return .arrives
    }
    let ids = (0..<4).map { net.call($0, sum(1, Float($0))) }
    net.deliver()
    #expect(value(net, 0, ids[0]) == [4, 6])
    #expect(value(net, 1, ids[1]) == nil)
    net.kill(3)
    net.pass(.seconds(2))
    for peer in 1..<3 {
      #expect(value(net, peer, ids[peer]) == [4, 6])
      let outcome = try #require(try net.result(peer, ids[peer])?.get())
      #expect(outcome.contributors.count == 4 && outcome.number == 1)
    }
    // All go on together.
    let next = (0..<3).map { net.call($0, sum(Float($0))) }
    net.pass(.seconds(1))
    for peer in 0..<3 {
      #expect(value(net, peer, next[peer]) == [3])
      #expect(net.members(peer) == [0, 1, 2])
    }
  }

  @Test("where nobody handed it out, it is repeated without the dead member")
  func repeated() {
    var net = idle(3)
    net.fate = { from, _, message in
      if case .ready = message, from == 2 { return .waits }
      return .arrives
    }
    let ids = (0..<3).map { net.call($0, sum(1, Float($0))) }
    net.deliver()
    net.kill(2)
    net.pass(.seconds(2))
    for peer in 0..<2 { #expect(value(net, peer, ids[peer]) == [2, 1]) }
  }

  @Test("when those who handed it out are gone, too, the others' calls end with an error")
  func lost() throws {
    var net = idle(3)
    net.fate = { from, to, message in
      if case .ready = message, from == 2, to == 1 { return .waits }
      if case .told(let stage, _) = message { return .becomes(.told(stage, [])) }
      return .arrives
    }
    let ids = (0..<3).map { net.call($0, sum(1)) }
    net.deliver()
    net.kill(2)
    net.pass(.seconds(2))
    guard case .failure(let error)? = net.result(1, ids[1]) else {
      Issue.record("no error")
      return
    }
    #expect(
      error.description == """
        lost: operation 1 was over, and those who had its result are gone (tag 0). \
        Make the call again, if it is still wanted.
        """)
    let next = (0..<2).map { net.call($0, sum(Float($0))) }
    net.pass(.seconds(1))
    for peer in 0..<2 { #expect(value(net, peer, next[peer]) == [1]) }
  }

  @Test("the last word of one that ends at once counts, though the view is changing")
  func endsAtOnce() throws {
    var net = idle(3)
    var word: GroupMessage?
    net.fate = { from, to, message in
      guard from == 1, to == 2 else { return .arrives }
      // The others' thread was stopped between one send and the next.
      if case .ready = message {
        word = message
        return .isOvertaken
      }
      if case .membership = message { return .waits }
      return .arrives
    }
    let ids = (0..<3).map { net.call($0, sum(1, Float($0))) }
    net.deliver()
    #expect(value(net, 0, ids[0]) == [3, 3] && value(net, 1, ids[1]) == [3, 3])
    // Both have what they wanted, and end; the third asks the second about the first.
    net.kill(0)
    net.pass(.seconds(1))
    #expect(value(net, 2, ids[2]) == nil)
    net.inject(try #require(word), from: 1, to: 2)
    #expect(value(net, 2, ids[2]) == nil, "nothing is handed out while the view changes")
    net.kill(1)
    net.pass(.seconds(2))
    let outcome = try #require(try net.result(2, ids[2])?.get())
    #expect(outcome.values == .f32([3, 3]) && outcome.contributors.count == 3)
    #expect(net.members(2) == [2])
  }

  @Test("a last word that comes after the answer to the candidate is no reason to lose one's place")
  func heardMeanwhile() throws {
    var net = idle(3)
    var word: GroupMessage?
    net.fate = { from, to, message in
      guard to == 2 else { return .arrives }
      switch message {
      case .ready where from == 1:
        word = message
        return .isOvertaken
      case .membership(.accept): return .waits
      default: return .arrives
      }
    }
    let ids = (0..<3).map { net.call($0, sum(1, Float($0))) }
    net.deliver()
    #expect(value(net, 0, ids[0]) == [3, 3])
    // The first has it, the third has said that it has not; what the second said comes only now.
    net.kill(1)
    net.pass(.milliseconds(300))
    net.inject(try #require(word), from: 1, to: 2)
    #expect(value(net, 2, ids[2]) == nil, "nothing is handed out while the view changes")
    net.release()
    net.pass(.seconds(1))
    #expect(value(net, 2, ids[2]) == [3, 3])
    #expect(net.peers[2].evictions.isEmpty && net.members(2) == [0, 2], "\(net.peers[2].reasons)")
    let next = [0, 2].map { net.call($0, sum(Float($0))) }
    net.pass(.seconds(1))
    #expect(value(net, 0, next[0]) == [2] && value(net, 2, next[1]) == [2])
  }

  @Test("a result that differs is found out at the next operation")
  func differing() {
    var net = idle(3)
    net.fate = { from, to, message in
      guard case .ready(let stage, var ready) = message, from == 2, to == 1, stage.round == 1 else {
        return .arrives
      }
      ready.opening[ready.opening.count - 2] ^= 1
      return .becomes(.ready(stage, ready))
    }
    let ids = (0..<3).map { net.call($0, sum(1)) }
    net.deliver()
    #expect(value(net, 0, ids[0]) == [3] && value(net, 2, ids[2]) == [3])
    #expect(value(net, 1, ids[1]) != [3])
    let next = (0..<3).map { net.call($0, sum(Float($0))) }
    net.pass(.seconds(2))
    #expect(value(net, 0, next[0]) == [2] && value(net, 2, next[2]) == [2])
    #expect(net.members(0) == [0, 2])
    #expect(
      net.peers[0].reasons.contains {
        $0.contains("results of operation 1 of") && $0.contains("\(net.name(1)) against the rest")
      }, "\(net.peers[0].reasons)")
  }
}
