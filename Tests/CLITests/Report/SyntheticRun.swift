// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation
import ferry

/// Events as a demo would write them: four peers, one killed, one new, the coordinator killed.
enum SyntheticRun {
  static let ids = (0..<5).map { "12D3KooWSynthetic\($0)peer\($0)abc\($0)" }
  static let stateBytes = 6_400_000
  static let origin: Int64 = 1_780_000_000_000

  static func events(seed: Seed = Seed(7)) -> [Event] {
    var writer = Writer(random: SplitMix64(seed))
    for index in 0..<4 { writer.start(index, at: 0.3 * Double(index)) }
    writer.view(1, [0, 1, 2, 3], coordinator: 0, at: 1.4, "peers 1 to 4 formed the group")
    var members = [0, 1, 2, 3]
    var time = 2.0
    for round in 1...30 {
      time += 6.4
      if round == 10 {
        writer.fault("SIGKILL", 2, at: time - 3, "kill a peer")
        members = [0, 1, 3]
        writer.view(
          2, members, coordinator: 0, at: time - 2.8,
          "peer 3 is gone: its machine refused the connection")
        writer.recover(2, by: members, at: time, 0.06, 0.09, 0.4)
        time += 0.6
      }
      if round == 14 {
        writer.start(4, at: time - 4)
        writer.catchUp(4, at: time - 1.5)
        members = [0, 1, 3, 4]
        writer.view(3, members, coordinator: 0, at: time, "peer 5 caught up and was let in")
      }
      if round == 20 {
        writer.fault("SIGKILL", 0, at: time - 2, "kill the coordinator")
        members = [1, 3, 4]
        writer.view(
          4, members, coordinator: 1, at: time - 1.7,
          "peer 1 is gone: its machine refused the connection; peer 2 has the lowest id")
        writer.recover(0, by: members, at: time, 0.05, 0.17, 1.1)
        time += 1.5
      }
      writer.commit(round, members, at: time)
    }
    writer.finish(members, at: time + 1)
    writer.onePeer()
    return writer.events
  }

  private struct Writer {
    var random: SplitMix64
    var events: [Event] = []
    var tokens = 0
    var sent: [Int: BytesByPurpose] = [:]
    var parallel: [Int: Int] = [:]

    mutating func add(_ peer: Int, at time: Double, _ content: Event.Content) {
      events.append(
        Event(t: origin + Int64(time * 1000), peer: peer < 0 ? "demo" : ids[peer], content))
    }

    mutating func start(_ peer: Int, at time: Double) {
      add(
        peer, at: time,
        .started(
          Event.Started(
            part: .run, run: "first crossing", name: "peer \(peer + 1)",
            pid: 4000 + Int32(peer), parameters: 1_620_000,
            digest: String(repeating: "4f", count: 32),
            settings: [
              "train.batch": "8", "train.inner_steps": "100", "train.codec": "\"int8\"",
              "model.layers": "4", "model.width": "256", "train.strategy": "\"diloco\"",
            ])))
      add(
        peer, at: time + 0.2,
        .dataset(
          Event.Dataset(name: "kjv", bytes: 4_350_000, unigramBits: 4.389, bigramBits: 3.312)))
      sent[peer] = BytesByPurpose(handshake: 2400)
      parallel[peer] = 0
    }

    mutating func view(
      _ number: Int, _ members: [Int], coordinator: Int, at time: Double, _ reason: String
    ) {
      for member in members {
        add(
          member, at: time + 0.01 * Double(member),
          .view(
            Event.View(
              number: number, members: members.map { ids[$0] }, coordinator: ids[coordinator],
              reason: reason)))
      }
    }

    mutating func fault(_ what: String, _ peer: Int, at time: Double, _ note: String) {
      add(-1, at: time, .fault(Event.Fault(what: what, target: ids[peer], note: note)))
    }

    mutating func recover(
      _ lost: Int, by members: [Int], at time: Double, _ detection: Double, _ agreement: Double,
      _ repetition: Double
    ) {
      for member in members {
        add(
          member, at: time,
          .recovery(
            Event.Recovery(
              member: ids[lost], detectionSeconds: detection + 0.01 * Double(member),
              agreementSeconds: agreement, repetitionSeconds: repetition)))
      }
    }

    mutating func catchUp(_ peer: Int, at time: Double) {
      add(
        peer, at: time,
        .catchUp(
          Event.CatchUp(
            bytes: stateBytes * 101 / 100, stateBytes: stateBytes, seconds: 1.8, fellows: 3)))
      for fellow in [0, 1, 3] { sent[fellow]!.catchUp += stateBytes / 3 }
    }

    mutating func commit(_ round: Int, _ members: [Int], at time: Double) {
      tokens += members.count * 100 * 8 * 256
      let hash = String(repeating: String(round % 10), count: 64)
      for member in members {
        let noise = Double.random(in: -0.06...0.06, using: &random)
        sent[member]!.exchange += 2_430_000
        sent[member]!.heartbeat += 9_000
        sent[member]!.membership += 3_100
        parallel[member]! += 100 * 9_720_000
        add(
          member, at: time + 0.02 * Double(member),
          .roundCommitted(
            Event.RoundCommitted(
              round: round, seconds: 6.4, loss: bits(Double(tokens)) - 0.05 + noise,
              contributors: members.count, tokens: tokens, sent: sent[member]!,
              dataParallelBytes: parallel[member]!, hash: hash)))
      }
      if round.isMultiple(of: 2) {
        add(
          members[0], at: time + 0.3,
          .validation(
            Event.Validation(round: round, tokens: tokens, bitsPerByte: bits(Double(tokens)))))
      }
    }

    mutating func finish(_ members: [Int], at time: Double) {
      add(
        members[0], at: time,
        .sample(
          Event.Sample(
            prompt: "In the beginning ",
            text: "of the house of Israel, and the LORD said unto Moses,\nSpeak unto the children "
              + "of <Israel> & say unto them, I have seen")))
      for member in members {
        add(
          member, at: time,
          .finished(
            Event.Finished(
              rounds: 30, steps: 3000, tokens: tokens, seconds: time, bitsPerByte: 1.93,
              hash: String(repeating: "c0ffee42", count: 8), sent: sent[member]!,
              dataParallelBytes: parallel[member]!)))
      }
    }

    /// One peer alone over the same tokens: it learns from fewer samples a step, and slower.
    mutating func onePeer() {
      let alone = "12D3KooWAlone"
      let started = Event.Started(
        part: .onePeer, run: "first crossing", name: "alone", pid: 1, parameters: 1_620_000,
        digest: "", settings: [:])
      events.append(Event(t: origin - 100_000, peer: alone, .started(started)))
      for step in 1...15 {
        let seen = tokens * step / 15
        events.append(
          Event(
            t: origin - 90_000 + Int64(step), peer: alone,
            .validation(
              Event.Validation(
                round: step, tokens: seen, bitsPerByte: bits(Double(seen) / 2.2) + 0.02))))
      }
    }

    func bits(_ tokens: Double) -> Double { 1.75 + 5.9 / (1 + pow(tokens / 260_000, 0.75)) }
  }
}
