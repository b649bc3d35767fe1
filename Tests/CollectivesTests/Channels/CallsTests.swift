// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import FerryTensors
import Testing

@Suite("Calls on channels")
struct CallsTests {
  private func sum(_ values: Float...) -> Call {
    .allReduce(.f32(values), algorithm: .direct)
  }

  private func settings(_ peer: Int) -> GroupLogic.Settings {
    .init(algorithm: .direct, seed: Seed(1))
  }

  /// A group whose workers do nothing.
  private func idle(_ count: Int) -> GroupNet {
    GroupNet.group(count, settings: settings) { net in
      for peer in 0..<count { net.peers[peer].values = nil }
    }
  }

  private func value(_ net: GroupNet, _ peer: Int, _ id: UInt64) -> [Float]? {
    guard case .success(let outcome)? = net.result(peer, id),
      case .f32(let values) = outcome.values
    else { return nil }
    return values
  }

  private func error(_ net: GroupNet, _ peer: Int, _ id: UInt64) -> CollectiveError? {
    guard case .failure(let error)? = net.result(peer, id) else { return nil }
    return error
  }

  @Test("all get the sum, with who took part")
  func allReduce() throws {
    var net = idle(3)
    let ids = (0..<3).map { net.call($0, sum(Float($0), 1)) }
    net.deliver()
    for peer in 0..<3 {
      #expect(value(net, peer, ids[peer]) == [3, 3])
      let outcome = try #require(try net.result(peer, ids[peer])?.get())
      #expect(outcome.number == 1 && outcome.contributors.count == 3)
    }
  }

  @Test("few values come with the word that a member is ready")
  func opening() {
    var net = idle(3)
    var chunks = 0
    net.fate = { _, _, message in
      if case .chunk = message { chunks += 1 }
      return .arrives
    }
    let ids = (0..<3).map { net.call($0, .allReduce(.i32([Int32($0), 5]), .product)) }
    net.deliver()
    for peer in 0..<3 { #expect(try! net.result(peer, ids[peer])?.get().values == .i32([0, 125])) }
    #expect(chunks == 0)
  }

  @Test("every kind of operation gives each its result, and says what came from whom")
  func kinds() throws {
    var net = idle(3)
    let ids = (0..<3).map { net.peers[$0].logic.me.id }
    let ranks = (0..<3).map {
      net.peers[$0].logic.view!.members.firstIndex(of: net.peers[$0].logic.me)!
    }
    func outcomes(_ calls: [Call], on channel: Channel = Channel()) throws -> [CallOutcome] {
      let numbers = calls.enumerated().map { net.call($0, $1, on: channel) }
      net.deliver()
      return try numbers.enumerated().map { try #require(net.result($0, $1)).get() }
    }
    func parts(_ outcome: CallOutcome) -> [PeerID: Values] {
      Dictionary(uniqueKeysWithValues: outcome.parts.map { ($0.from.id, $0.values) })
    }
    let scattered = try outcomes((0..<3).map { .reduceScatter(.i64([1, 10, Int64($0)]), .max) })
    #expect(scattered.map(\.values) == ranks.map { [.i64([1]), .i64([10]), .i64([2])][$0] })
    let gathered = try outcomes(
      (0..<3).map { .allGather(.u8(Array(repeating: UInt8($0), count: $0))) })
    for outcome in gathered { #expect(parts(outcome)[ids[2]] == .u8([2, 2])) }
    let told = try outcomes(
      (0..<3).map { .broadcast($0 == 1 ? .f64([7, 8]) : .f64([]), from: ids[1]) })
    #expect(told.allSatisfy { $0.values == .f64([7, 8]) })
    let collected = try outcomes((0..<3).map { .gather(.bool([$0 == 1]), to: ids[0]) })
    #expect(parts(collected[0])[ids[1]] == .bool([true]) && parts(collected[0]).count == 3)
    #expect(collected[1].values == .bool([]) && collected[1].parts.isEmpty)
    let given = try outcomes(
      (0..<3).map { peer in
        .scatter(
          peer == 2 ? [ids[0]: .f32([5]), ids[1]: .f32([6, 6])] : [:], of: .f32, from: ids[2])
      })
    #expect(given.map(\.values) == [.f32([5]), .f32([6, 6]), .f32([])])
    let exchanged = try outcomes(
      (0..<3).map { from in
        .allToAll(
          Dictionary(
            uniqueKeysWithValues: (0..<3).map { (ids[$0], .i16([Int16(10 * from + $0)])) }),
          of: .i16)
      })
    #expect(parts(exchanged[1]) == [ids[0]: .i16([1]), ids[1]: .i16([11]), ids[2]: .i16([21])])
    let ends = try outcomes([.barrier, .barrier, .barrier])
    #expect(ends.allSatisfy { $0.number == 7 })
    let sent = try outcomes(
      [.send(.f32([4, 2]), from: ids[0], to: ids[1]), .receive(.f32, from: ids[0], by: ids[1])],
      on: Channel(from: ids[0], to: ids[1]))
    #expect(sent.map(\.values) == [.f32([]), .f32([4, 2])])
  }

  @Test("an end that is gone ends the call with its name")
  func missingEnd() throws {
    var net = idle(3)
    let gone = net.peers[2].logic.me.id
    let calls = (0..<2).map { net.call($0, .broadcast(.f32([]), from: gone)) }
    net.deliver()
    net.kill(2)
    net.pass(.seconds(1))
    for peer in 0..<2 {
      #expect(error(net, peer, calls[peer])?.what == "\(gone.short) is not a member")
    }
    #expect(net.members(0) == [0, 1])
  }

  @Test("values that a codec cannot send end the call for all, and cost nobody its place")
  func unsendable() {
    var net = idle(2)
    let calls = (0..<2).map {
      net.call($0, .allReduce(.f32([1, $0 == 0 ? .nan : 2]), codec: .int8))
    }
    net.deliver()
    for peer in 0..<2 {
      #expect(
        error(net, peer, calls[peer])?.what
          == "\(net.name(0)) cannot send its values: element 1 is nan, and int8 needs finite values"
      )
    }
    #expect(net.members(0) == [0, 1])
  }

  @Test("a codec that does not take the values' type ends the call at once, and the tag goes on")
  func codecOfOtherType() {
    var net = idle(2)
    let bad = net.call(0, .allReduce(.f64([1]), codec: .int8))
    #expect(error(net, 0, bad)?.code == .badOperation)
    #expect(error(net, 0, bad)?.what == "int8 is a codec of F32, and the values are F64")
    let ids = (0..<2).map { net.call($0, sum(2)) }
    net.deliver()
    #expect((0..<2).map { value(net, $0, ids[$0]) } == [[4], [4]])
  }

  @Test("calls on one tag keep their order; one that waits does not stop another tag's")
  func tags() {
    var net = idle(2)
    let first = net.call(0, sum(1), on: Channel(tag: 1))
    let second = net.call(0, sum(2), on: Channel(tag: 1))
    let other = net.call(0, sum(3), on: Channel(tag: 2))
    let late = net.call(1, sum(30), on: Channel(tag: 2))
    net.deliver()
    #expect(value(net, 0, other) == [33] && value(net, 1, late) == [33])
    #expect(net.result(0, first) == nil && net.result(0, second) == nil)
    let ids = [
      net.call(1, sum(10), on: Channel(tag: 1)), net.call(1, sum(20), on: Channel(tag: 1)),
    ]
    net.deliver()
    #expect(value(net, 0, first) == [11] && value(net, 0, second) == [22])
    #expect(ids.map { value(net, 1, $0) } == [[11], [22]])
  }

  @Test("what a killed member leaves is done by the others among themselves")
  func killed() {
    for held in 0..<40 {
      var net = idle(3)
      // The kill falls after any number of messages.
      var left = held
      net.fate = { _, _, message in
        switch message {
        case .ready, .chunk, .done:
          left -= 1
          return left < 0 ? .waits : .arrives
        default: return .arrives
        }
      }
      let ids = (0..<3).map { net.call($0, sum(Float($0 + 1))) }
      net.deliver()
      net.kill(2)
      net.release()
      net.pass(.seconds(1))
      let results = (0..<2).map { value(net, $0, ids[$0]) }
      #expect(results[0] == results[1], "killed after \(held)")
      #expect(results[0] == [6] || results[0] == [3], "killed after \(held): \(results)")
    }
  }

  @Test("a newcomer stops nothing that has begun, and takes part from the next on")
  func newcomer() throws {
    var net = GroupNet(3, settings: settings)
    for peer in 0..<3 { net.peers[peer].values = nil }
    net.found(0)
    net.seek(1)
    net.link(0, 1)
    net.pass(.seconds(1))
    // Chunks wait, so that the exchange is under way when the third one comes.
    net.fate = { _, _, message in
      if case .chunk = message { return .isOvertaken }
      return .arrives
    }
    let ids = (0..<2).map { net.call($0, sum(Float($0 + 1))) }
    net.deliver()
    net.seek(2)
    net.link(2, 0)
    net.link(2, 1)
    net.pass(.milliseconds(300))
    #expect(net.members(0) == [0, 1, 2] && net.members(1) == [0, 1, 2])
    #expect(net.result(0, ids[0]) == nil)
    let next = (0..<3).map { net.call($0, sum(Float($0 + 1) * 10)) }
    net.release()
    net.pass(.seconds(1))
    #expect(ids.indices.map { value(net, $0, ids[$0]) } == [[3], [3]])
    #expect((0..<3).map { value(net, $0, next[$0]) } == [[60], [60], [60]])
    let outcome = try #require(try net.result(2, next[2])?.get())
    #expect(outcome.number == 2)
    // Nothing was repeated: two chunks of two elements' exchange, no more views than admissions.
    #expect(net.peers[0].logic.view?.number == 3)
  }

  @Test("when all who began an operation are gone, the newcomers pass over it")
  func passedOver() {
    var net = GroupNet(4, settings: settings)
    for peer in 0..<4 { net.peers[peer].values = nil }
    net.found(0)
    net.pass(.milliseconds(100))
    net.fate = { _, _, message in
      if case .chunk = message { return .isOvertaken }
      return .arrives
    }
    net.seek(1)
    net.link(0, 1)
    net.pass(.seconds(1))
    _ = (0..<2).map { net.call($0, sum(1)) }
    net.deliver()
    for peer in 2..<4 {
      net.seek(peer)
      for other in 0..<peer { net.link(peer, other) }
    }
    net.pass(.seconds(1))
    let ids = (2..<4).map { net.call($0, sum(Float($0))) }
    net.kill(0)
    net.kill(1)
    net.release()
    net.pass(.seconds(3))
    #expect(ids.indices.map { value(net, $0 + 2, ids[$0]) } == [[5], [5]])
  }

  @Test("members that call for different things hear of it, and nobody loses its place")
  func mismatch() {
    var net = idle(3)
    let ids = [
      net.call(0, sum(1, 2)), net.call(1, sum(1)),
      net.call(2, .allReduce(.f32([1, 1]), .mean)),
    ]
    net.deliver()
    let errors = (0..<3).map { error(net, $0, ids[$0]) }
    #expect(errors[0]?.code == .mismatch && errors[0]?.what == errors[1]?.what)
    #expect(net.members(0) == [0, 1, 2])
    let next = (0..<3).map { net.call($0, sum(1)) }
    net.deliver()
    #expect(value(net, 2, next[2]) == [3])
  }

  @Test("calls that differ from those before them in one thing alone are told apart")
  func mismatchLater() {
    var net = idle(3)
    func all(_ calls: [Call]) -> [CollectiveError.Code?] {
      let ids = calls.indices.map { net.call($0, calls[$0]) }
      net.deliver()
      return ids.indices.map { error(net, $0, ids[$0])?.code }
    }
    let roots = (0..<3).map { net.peers[$0].logic.me.id }
    let from = { (root: Int) in Call.broadcast(.f32([1]), from: roots[root]) }
    let apart = [CollectiveError.Code?](repeating: .mismatch, count: 3)
    #expect(all([sum(1, 2), sum(1, 2), sum(1, 2)]) == [nil, nil, nil])
    #expect(all([sum(1, 2), sum(1), sum(1, 2)]) == apart)
    #expect(all([from(0), from(0), from(0)]) == [nil, nil, nil])
    #expect(all([from(0), from(1), from(0)]) == apart)
    #expect(all([sum(1), .allReduce(.f32([1]), .mean), sum(1)]) == apart)
  }

  @Test("a cancelled call ends at once; the others' when they have made theirs")
  func cancelled() {
    var net = idle(2)
    let mine = net.call(0, sum(1), on: Channel(tag: 5))
    // Not announced yet: the one before it is not done.
    let second = net.call(0, sum(2), on: Channel(tag: 5))
    net.act(0) { $0.cancel(second, at: $1) }
    #expect(error(net, 0, second)?.code == .cancelled)
    let theirs = [
      net.call(1, sum(1), on: Channel(tag: 5)), net.call(1, sum(2), on: Channel(tag: 5)),
    ]
    net.deliver()
    #expect(value(net, 0, mine) == [2] && value(net, 1, theirs[0]) == [2])
    #expect(error(net, 1, theirs[1])?.what == "\(net.name(0)) cancelled its call")
    let after = (0..<2).map { net.call($0, sum(1), on: Channel(tag: 5)) }
    net.deliver()
    #expect(value(net, 1, after[1]) == [2])
  }

  @Test("a call cancelled after its part went out is finished by the others")
  func cancelledLate() {
    var net = idle(2)
    let mine = net.call(0, sum(1))
    net.deliver()
    net.act(0) { $0.cancel(mine, at: $1) }
    let theirs = net.call(1, sum(2))
    net.deliver()
    #expect(error(net, 0, mine)?.code == .cancelled)
    #expect(value(net, 1, theirs) == [3])
  }

  @Test("a deadline names those who made no such call")
  func deadline() {
    var net = idle(3)
    let mine = net.call(0, sum(1), within: .seconds(5))
    _ = net.call(1, sum(1), within: .seconds(100))
    net.pass(.seconds(4))
    #expect(net.result(0, mine) == nil)
    net.pass(.seconds(2))
    #expect(error(net, 0, mine)?.code == .deadline)
    #expect(error(net, 0, mine)?.what == "its time is over; \(net.name(2)) made no such call")
    // Its part is still there for the others.
    let last = net.call(2, sum(1))
    net.deliver()
    #expect(value(net, 2, last) == [3])
  }

  @Test("a sub-group's operations do not need the others")
  func subgroup() {
    var net = idle(4)
    let some = Channel(tag: 1, among: [0, 2].map { net.peers[$0].logic.me.id })
    let ids = [net.call(0, sum(1), on: some), net.call(2, sum(2), on: some)]
    net.deliver()
    #expect(value(net, 0, ids[0]) == [3] && value(net, 2, ids[1]) == [3])
    let outsider = net.call(1, sum(2), on: some)
    #expect(error(net, 1, outsider)?.code == .badGroup)
  }

  @Test("outsiders of a sub-group keep their places, however often views change")
  func outsiders() {
    var net = idle(5)
    let some = Channel(tag: 1, among: [0, 2].map { net.peers[$0].logic.me.id })
    for lost in [4, 3] {
      for _ in 0..<3 {
        let ids = [net.call(0, sum(1), on: some), net.call(2, sum(2), on: some)]
        net.deliver()
        #expect(value(net, 0, ids[0]) == [3] && value(net, 2, ids[1]) == [3])
      }
      net.kill(lost)
      net.pass(.seconds(1))
      #expect(net.members(0) == [0, 1, 2, 3].filter { $0 < lost })
      #expect(net.peers[1].evictions.isEmpty)
    }
  }

  @Test("of few values in several pieces, the first comes with ready and the rest after it")
  func pieces() {
    var net = idle(3)
    let values = (0..<16_384).map { Float($0 % 128) }
    let ids = (0..<3).map { net.call($0, .allReduce(.f32(values), .mean, codec: .int8)) }
    net.deliver()
    for peer in 0..<3 {
      #expect(value(net, peer, ids[peer])?.count == 16_384)
      #expect(value(net, peer, ids[peer]) == value(net, 0, ids[0]))
    }
  }

  @Test("nobody takes memory for more than the group allows, whatever a fellow says it gives")
  func boast() {
    var net = GroupNet.group(
      2,
      settings: { _ in
        var settings = GroupLogic.Settings(seed: Seed(1))
        settings.resultBytesMax = 1000
        return settings
      },
      prepare: { net in for peer in 0..<2 { net.peers[peer].values = nil } })
    func gather(_ count: Int) -> [UInt64] {
      (0..<2).map { net.call($0, .allGather(.f64(Array(repeating: 1, count: count)))) }
    }
    let most = gather(62)
    net.deliver()
    #expect(net.result(0, most[0]).map { (try? $0.get().values.count) == 124 } == true)
    let more = gather(63)
    net.deliver()
    for peer in 0..<2 {
      #expect(error(net, peer, more[peer])?.what == "the members give 1008 bytes, above 1000")
    }
    net.fate = { from, _, message in
      guard from == 1, case .ready(let stage, var ready) = message else { return .arrives }
      ready.counts = [1 << 50]
      return .becomes(.ready(stage, ready))
    }
    let boasted = gather(2)
    net.deliver()
    // The other one was not told of its own boast, so that they do not come to an end together.
    #expect(net.result(0, boasted[0]) == nil)
  }

  @Test("a lost place ends all calls")
  func evicted() {
    var net = idle(3)
    let id = net.call(2, sum(1))
    net.act(2) { $0.leave(at: $1) }
    net.pass(.seconds(1))
    #expect(error(net, 2, id)?.code == .stopped)
  }
}
