// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryPeers
import Testing

@Suite("GroupMessage")
struct GroupMessageTests {
  static let samples: [GroupMessage] = {
    let stage = GroupMessage.Stage(view: 7, round: 40)
    let chunk = Chunk(phase: .allGather, segment: 2, piece: 1, payload: Array(0..<20))
    return [
      .membership(.ping(4)), .membership(.farewell),
      .ready(
        stage,
        .init(
          weight: 2.5, note: [1, 2], operation: "64 elements as int8 ring mean",
          stateDigest: Array(0..<32))),
      .ready(
        stage,
        .init(
          weight: 1, note: [], operation: "5 elements as f32 automatic mean",
          stateDigest: Array(0..<32), opening: chunk.encoded())),
      .ready(
        .init(channel: 3, view: 7, round: 2),
        .init(
          weight: 1, note: [], operation: "all-to-all of f32", counts: [4, 0, 9],
          refusal: "cancelled")),
      .chunk(stage, chunk), .done(stage, digest: Array(0..<32)), .progress(stage, permille: 999),
      .state([1, 2, 3]), .word([]), .askCharter, .charter([9]),
      .told(stage, []),
      .told(
        stage,
        [
          .init(weight: 1, note: [7], operation: "barrier", isWhole: true),
          .init(weight: 0, note: [], operation: "barrier", refusal: "no"),
        ]),
    ]
  }()

  @Test("what was sent is what arrives")
  func roundTrip() throws {
    for message in Self.samples {
      let frame = message.frame()
      #expect(try GroupMessage(frame).frame() == frame)
    }
  }

  @Test("every message is counted under its purpose")
  func purposes() {
    #expect(
      Self.samples.map { $0.frame().purpose } == [
        .heartbeat, .membership, .membership, .exchange, .membership, .exchange, .membership,
        .heartbeat,
        .catchUp, .exchange, .membership, .membership, .exchange, .exchange,
      ])
  }

  @Test("a chunk is sent from where it was written")
  func chunkInPlace() throws {
    let stage = GroupMessage.Stage(view: 7, round: 40)
    let plain = Chunk(phase: .allGather, segment: 2, piece: 1, payload: [5, 6])
    let ready = Chunk(
      phase: .allGather, segment: 2, piece: 1, prefix: GroupMessage.chunkPrefix(stage),
      payloadByteCount: 2
    ) { payload in
      payload[0] = 5
      payload[1] = 6
    }
    let frame = GroupMessage.chunk(stage, plain).frame()
    #expect(GroupMessage.chunk(stage, ready).frame() == frame)
    #expect(frame.payload == ready.bytes)
    let later = GroupMessage.Stage(view: 7, round: 41)
    #expect(
      GroupMessage.chunk(later, ready).frame() == GroupMessage.chunk(later, plain).frame())
  }

  @Test("of 20,000 damaged messages each is refused, or says the same when sent on")
  func fuzz() {
    var chance = SplitMix64(Seed(12))
    var (refused, changed) = (0, 0)
    for _ in 0..<20_000 {
      let frame = Self.samples.randomElement(using: &chance)!.frame()
      var bytes = frame.payload
      for _ in 0..<Int.random(in: 1...4, using: &chance) {
        bytes[Int.random(in: bytes.indices, using: &chance)] = .random(in: 0...255, using: &chance)
      }
      if Int.random(in: 0..<4, using: &chance) == 0 {
        bytes.removeLast(Int.random(in: 0...bytes.count, using: &chance))
      }
      do {
        let again = try GroupMessage(Frame(frame.purpose, bytes)).frame()
        if try GroupMessage(again).frame() != again { changed += 1 }
      } catch { refused += 1 }
    }
    #expect(refused > 1000 && changed == 0)
  }

  @Test("a weight that is no weight is refused", arguments: [-1, .nan, .infinity])
  func weights(weight: Double) throws {
    let stage = GroupMessage.Stage(view: 1, round: 1)
    let ready = GroupMessage.Ready(
      weight: weight, note: [], operation: "")
    #expect(throws: MalformedMessage.self) {
      try GroupMessage(GroupMessage.ready(stage, ready).frame())
    }
  }
}
