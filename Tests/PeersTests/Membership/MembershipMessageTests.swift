// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPeers
import Testing

@Suite("MembershipMessage")
struct MembershipMessageTests {
  static let samples: [MembershipMessage] = {
    let members = (0..<3).map(Member.numbered)
    let change = ViewChange(
      view: View(number: 9, members: members), committed: 41, resultDigest: [1, 2, 3],
      reason: "a left", blamed: [.numbered(4)])
    let ballot = Ballot(attempt: 6, proposer: members[1])
    let standing = Standing(
      committed: 40, stateDigest: Array(0..<32), holdsState: false,
      held: HeldResult(round: 41, view: 8, digest: [9]))
    let address = KnownAddress(
      member: members[2], address: PeerAddress(host: "ferry.example", port: 4000))
    return [
      .greeting(nil, addresses: []), .greeting(change, addresses: [address]),
      .knock(linkedTo: members, after: 12), .knock(linkedTo: [], after: 0),
      .prepare(ballot, succeeding: 8),
      .promise(ballot, succeeding: 8, standing, accepted: nil, hears: members),
      .promise(
        ballot, succeeding: 8, Standing(committed: 1),
        accepted: AcceptedChange(ballot: ballot, change: change), hears: []),
      .refuse(ballot, succeeding: 8, promised: ballot), .accept(ballot, succeeding: 8, change),
      .accepted(ballot, succeeding: 8), .installed(change), .farewell, .ping(3), .pong(.max),
    ]
  }()

  @Test("what was sent is what arrives", arguments: samples)
  func roundTrip(message: MembershipMessage) throws {
    #expect(try MembershipMessage(decoding: message.encoded()) == message)
  }

  @Test("no message is taken for one when it is cut short or has bytes left over")
  func truncated() {
    for message in Self.samples {
      let bytes = message.encoded()
      for count in 0..<bytes.count {
        #expect(throws: MalformedMessage.self) {
          try MembershipMessage(decoding: Array(bytes.prefix(count)))
        }
      }
      #expect(throws: MalformedMessage.self) { try MembershipMessage(decoding: bytes + [0]) }
    }
  }

  @Test("of 20,000 damaged messages each is refused, or says the same when sent on")
  func fuzz() {
    var chance = SplitMix64(Seed(11))
    var (refused, changed) = (0, 0)
    for _ in 0..<20_000 {
      var bytes = Self.samples.randomElement(using: &chance)!.encoded()
      for _ in 0..<Int.random(in: 1...4, using: &chance) {
        bytes[Int.random(in: bytes.indices, using: &chance)] = .random(in: 0...255, using: &chance)
      }
      do {
        let message = try MembershipMessage(decoding: bytes)
        if try MembershipMessage(decoding: message.encoded()) != message { changed += 1 }
      } catch { refused += 1 }
    }
    #expect(refused > 1000 && changed == 0)
  }

  @Test("a view without members, or with one twice, is refused")
  func brokenViews() {
    for members in [[], [Member.numbered(1), .numbered(1)]] {
      let change = ViewChange(
        view: View(number: 2, members: members), committed: 0, resultDigest: [], reason: "")
      #expect(throws: MalformedMessage.self) {
        try MembershipMessage(decoding: MembershipMessage.installed(change).encoded())
      }
    }
  }
}
