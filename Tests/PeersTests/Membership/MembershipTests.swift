// SPDX-License-Identifier: Apache-2.0

import FerryPeers
import Testing

@Suite("Membership")
struct MembershipTests {
  // MARK: Beginnings

  @Test("a founder is a group of one, at the round it resumes from")
  func founding() {
    var net = MembershipNet(1)
    net.found(0, committed: 7)
    #expect(
      net.installs[0] == [
        ViewChange(
          view: View(number: 1, members: [.numbered(0)]), committed: 7, resultDigest: [],
          reason: "\(net.name(0)) founded the group")
      ])
    #expect(net.peers[0].standing.committed == 7)
  }

  @Test("who knocks is let in, at the end of the line")
  func joining() {
    var net = MembershipNet(2)
    net.found(0)
    net.seek(1)
    net.link(0, 1)
    net.pass(.milliseconds(300))
    #expect(net.members(0) == [0, 1])
    #expect(net.view(1) == net.view(0))
    #expect(net.installs[1].map(\.reason) == ["\(net.name(1)) joined"])
  }

  @Test("a peer that only asks is not let in")
  func asking() {
    var net = MembershipNet(2)
    net.found(0)
    net.link(0, 1)
    net.pass(.seconds(3))
    #expect(net.members(0) == [0])
    #expect(net.peers[1].waitingFor == "asking 1 linked peers to be let in")
  }

  @Test("nobody is let in while an exchange runs")
  func admissionWaits() {
    var net = MembershipNet(2)
    net.found(0)
    net.peers[0].mayAdmit = false
    net.seek(1)
    net.link(0, 1)
    net.pass(.seconds(1))
    #expect(net.members(0) == [0])
    net.peers[0].mayAdmit = true
    net.pass(.seconds(1))
    #expect(net.members(0) == [0, 1])
  }

  @Test("two who do not hear each other are not let in together")
  func unlinkedApplicants() {
    var net = MembershipNet(3)
    net.found(0)
    for peer in [1, 2] {
      net.seek(peer)
      net.link(0, peer)
    }
    net.pass(.seconds(2))
    #expect(net.members(0) == [0, 1])
    #expect(net.members(2) == nil)
    net.link(1, 2)
    net.pass(.seconds(1))
    #expect(net.members(0) == [0, 1, 2])
    #expect(net.view(2) == net.view(0))
  }

  // MARK: Losses

  @Test("when the first is killed the next proposes at once, and says why")
  func killedCoordinator() {
    var net = MembershipNet.group(3)
    let (before, at) = (net.view(1)!, net.now)
    net.kill(0)
    net.deliver()
    #expect(net.now == at)
    #expect(net.members(1) == [1, 2])
    #expect(net.view(2) == net.view(1))
    #expect(net.view(1)?.number == before.number + 1)
    #expect(net.installs[2].last?.reason == "\(net.name(0)) is gone: its process ended")
    #expect(net.sent.filter { $0.from == 2 && $0.message.isPrepare }.isEmpty)
  }

  @Test("a silent one is left out, and the sentence says for how long it was silent")
  func silent() {
    var net = MembershipNet.group(4)
    net.kill(3, .silent(after: .milliseconds(2345)))
    net.deliver()
    #expect(net.members(0) == [0, 1, 2])
    #expect(net.installs[1].last?.reason == "\(net.name(3)) was silent for 2.3 s")
  }

  @Test("a link that comes back within its grace keeps its peer, and the round is tried again")
  func relinked() {
    var net = MembershipNet.group(3)
    let before = net.view(0)!
    net.unlink(0, 2, .closed("reset"))
    net.pass(.milliseconds(60))
    #expect(net.view(0) == before)
    net.link(0, 2)
    net.pass(.milliseconds(500))
    #expect(net.view(0)?.members == before.members)
    #expect(net.view(0)!.number > before.number)
    #expect(net.installs[1].last?.reason == "the link to \(net.name(2)) was interrupted")
  }

  @Test("a link that stays closed costs the junior of the two its place, not both")
  func lostLink() {
    var net = MembershipNet.group(3)
    net.unlink(1, 2, .closed("reset"))
    net.pass(.seconds(2))
    #expect(net.members(0) == [0, 1])
    #expect(net.members(1) == [0, 1])
    #expect(net.evictions[2].count >= 1)
    net.link(1, 2)
    net.pass(.seconds(2))
    #expect(net.members(0) == [0, 1, 2])
  }

  @Test("members named in a trouble are left out with its reason")
  func expulsion() {
    var net = MembershipNet.group(3)
    net.handle(0, .trouble(reason: "it sent a bad chunk", without: [.numbered(1)]))
    net.deliver()
    let change = net.installs[2].last
    #expect(change?.view.members == [.numbered(0), .numbered(2)])
    #expect(change?.reason == "\(net.name(1)) is left out: it sent a bad chunk")
    #expect(
      net.evictions[1] == [
        "the group went on without this peer: \(net.name(1)) is left out: it sent a bad chunk"
      ])
  }

  @Test("who was left out for a fault comes back after a pause, twice as long after each fault")
  func probation() {
    var net = MembershipNet.group(3)
    for pause in [1, 2, 4] {
      net.handle(0, .trouble(reason: "it sent a bad chunk", without: [.numbered(1)]))
      net.pass(.seconds(pause) - .milliseconds(1))
      #expect(net.members(0) == [0, 2])
      net.pass(.milliseconds(500))
      #expect(net.members(0) == [0, 2, 1])
    }
  }

  @Test("knocks of one left out for a fault are not heard, even by the next to admit")
  func probationOfAll() {
    var net = MembershipNet.group(4)
    net.handle(0, .trouble(reason: "it sent a bad chunk", without: [.numbered(1)]))
    net.deliver()
    net.kill(0)
    net.deliver()
    let knock = MembershipMessage.knock(linkedTo: [.numbered(2), .numbered(3)], after: 99)
    net.handle(2, .received(.numbered(1), knock))
    net.deliver()
    #expect(net.members(2) == [2, 3])
    net.pass(.seconds(2))
    #expect(net.members(2) == [2, 3, 1])
  }

  @Test("one who knocks without links to all is told where they listen")
  func introduced() {
    var net = MembershipNet(3)
    net.found(0)
    let place = PeerAddress(host: "one", port: 1)
    net.seek(1)
    net.seek(2)
    net.handle(0, .linked(.numbered(1), address: place))
    // An address that is sought is still known to be its peer's.
    net.peers[0].seek(place)
    net.link(0, 1)
    net.pass(.seconds(1))
    net.link(0, 2)
    net.pass(.milliseconds(300))
    let told = net.sent.compactMap { from, to, message -> [KnownAddress]? in
      guard from == 0, to == 2, case .greeting(_, let known) = message else { return nil }
      return known
    }
    #expect(told.count >= 2)
    #expect(told.allSatisfy { $0 == [KnownAddress(member: .numbered(1), address: place)] })
  }

  @Test("who leaves is let go by the others first", arguments: [0, 1, 2])
  func leaving(peer: Int) {
    var net = MembershipNet.group(3)
    net.leave(peer)
    net.pass(.seconds(1))
    #expect(net.evictions[peer] == ["left"])
    let others = [0, 1, 2].filter { $0 != peer }
    for other in others { #expect(net.members(other) == others) }
    #expect(net.installs[others[0]].last?.reason == "\(net.name(peer)) left")
    net.pass(.seconds(3))
    #expect(net.members(others[0]) == others)
  }

  @Test("the last member may leave")
  func lastLeaves() {
    var net = MembershipNet(1)
    net.found(0)
    net.leave(0)
    #expect(net.evictions[0] == ["left"])
  }

  // MARK: Ballots

  @Test("two candidates at once: one successor, the same for all")
  func competing() {
    var net = MembershipNet.group(4)
    let before = net.view(0)!
    for peer in [1, 2] { net.handle(peer, .trouble(reason: "the round is stuck", without: [])) }
    let at = net.now
    // Both lose patience before either hears of the other.
    net.tick([1, 2], at: at + .seconds(1))
    #expect(Set(net.sent.filter { $0.message.isPrepare }.map(\.from)) == [1, 2])
    net.pass(.seconds(3))
    #expect(net.view(0)?.members == before.members)
    for peer in 1..<4 {
      #expect(net.peers[peer].current == net.peers[0].current)
      let numbers = net.installs[peer].map(\.view.number)
      #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
    }
    #expect(net.installs[3].last?.reason == "the round is stuck")
  }

  @Test("whoever promised a higher ballot refuses a lower one, and names it")
  func refusal() {
    var net = MembershipNet.group(3)
    let view = net.view(2)!
    let high = Ballot(attempt: 5, proposer: .numbered(1))
    let low = Ballot(attempt: 4, proposer: .numbered(0))
    net.handle(2, .received(.numbered(1), .prepare(high, succeeding: view.number)))
    #expect(net.peers[2].isFrozen)
    let change = ViewChange(
      view: View(number: view.number + 1, members: [.numbered(0)]), committed: 0,
      resultDigest: [], reason: "low")
    for message in [
      MembershipMessage.prepare(low, succeeding: view.number),
      .accept(low, succeeding: view.number, change),
    ] {
      net.handle(2, .received(.numbered(0), message))
      #expect(
        net.sent.last?.message == .refuse(low, succeeding: view.number, promised: high))
    }
  }

  @Test("a choice that a member has accepted is kept by the next candidate")
  func acceptedChoice() {
    var net = MembershipNet.group(3)
    let view = net.view(2)!
    let ballot = Ballot(attempt: 5, proposer: .numbered(1))
    let change = ViewChange(
      view: View(number: view.number + 1, members: [.numbered(1), .numbered(2)]), committed: 0,
      resultDigest: [], reason: "chosen by 1")
    net.handle(2, .received(.numbered(1), .accept(ballot, succeeding: view.number, change)))
    // The candidate dies before anybody else hears of its choice.
    net.kill(1)
    net.pass(.seconds(4))
    #expect(net.installs[2].contains(change))
    #expect(net.evictions[0].first == "the group went on without this peer: chosen by 1")
  }

  // MARK: Quorums

  @Test("strict: less than a majority of the view never goes on, however long it waits")
  func strict() {
    var net = MembershipNet.group(3, quorum: .strict)
    let before = net.view(0)!
    net.kill(1)
    net.kill(2)
    net.pass(.seconds(30))
    #expect(net.view(0) == before)
    #expect(
      net.peers[0].waitingFor
        == "\(net.name(1)), \(net.name(2)) cannot be reached; 1 of 3 members hear each other")
  }

  @Test("strict: two of three go on")
  func strictMajority() {
    var net = MembershipNet.group(3, quorum: .strict)
    net.kill(0, .silent(after: .seconds(2)))
    net.pass(.seconds(2))
    #expect(net.members(1) == [1, 2])
  }

  @Test("living: two become one when the other's process is gone", arguments: [0, 1])
  func livingToOne(dead: Int) {
    var net = MembershipNet.group(2)
    net.kill(dead)
    net.pass(.seconds(1))
    #expect(net.members(1 - dead) == [1 - dead])
  }

  @Test("living: of two that only fell silent the senior goes on alone, the junior never")
  func livingSilence() {
    var net = MembershipNet.group(2)
    let before = net.view(1)!
    net.unlink(0, 1, .silent(after: .seconds(2)))
    net.pass(.seconds(20))
    #expect(net.members(0) == [0])
    #expect(net.view(1) == before)
    net.link(0, 1)
    net.pass(.seconds(2))
    #expect(net.members(0) == [0, 1])
    #expect(net.view(1) == net.view(0))
  }

  @Test("living: of four halves that cannot hear each other one goes on at most")
  func livingHalves() {
    var net = MembershipNet.group(4)
    let before = net.view(3)!
    for a in [0, 1] { for b in [2, 3] { net.unlink(a, b, .silent(after: .seconds(2))) } }
    net.pass(.seconds(20))
    #expect(net.members(0) == [0, 1])
    #expect(net.view(2) == before && net.view(3) == before)
  }

  // MARK: Places

  @Test("a knock from before its admission does not cost a member its place")
  func staleKnock() {
    var net = MembershipNet.group(3)
    let before = net.view(0)!
    net.handle(
      0, .received(.numbered(2), .knock(linkedTo: [.numbered(0)], after: before.number - 1)))
    net.pass(.seconds(2))
    #expect(net.view(0) == before)
    net.handle(
      0, .received(.numbered(2), .knock(linkedTo: [.numbered(0)], after: before.number)))
    net.deliver()
    #expect(net.view(0)!.number > before.number)
    #expect(net.installs[1].last?.reason.contains(net.name(2)) == true)
  }

  @Test("who lost its place does not go back into a view it was in, but is let in anew")
  func noReturn() {
    var net = MembershipNet.group(3)
    let old = net.peers[2].current!
    net.resign(2, "its rounds are not the group's")
    #expect(net.evictions[2] == ["its rounds are not the group's"])
    net.handle(2, .received(.numbered(0), .installed(old)))
    #expect(net.view(2) == nil)
    net.pass(.seconds(3))
    #expect(net.view(2)!.number > old.view.number)
    #expect(net.members(0) == [0, 1, 2])
    #expect(net.view(2) == net.view(0))
  }

  @Test("another life of a member proves that the former one is over")
  func newLife() {
    var net = MembershipNet.group(3)
    let reborn = Member(id: net.peers[2].me.id, incarnation: 99)
    net.kill(2, .silent(after: .seconds(2)))
    net.pass(.seconds(1))
    net.handle(0, .linked(reborn, address: nil))
    net.handle(0, .received(reborn, .knock(linkedTo: [.numbered(0), .numbered(1)], after: 0)))
    net.handle(1, .linked(reborn, address: nil))
    net.pass(.seconds(1))
    #expect(net.view(1)?.members == [.numbered(0), .numbered(1), reborn])
  }

  @Test("of two groups that meet the one with fewer rounds gives way and joins the other")
  func fork() {
    var net = MembershipNet(2)
    net.found(0, committed: 3)
    net.found(1, committed: 10)
    net.link(0, 1)
    net.deliver()
    #expect(
      net.evictions[0] == [
        "the group went on without this peer: \(net.name(1)) founded the group"
      ])
    #expect(net.evictions[1] == [])
    net.pass(.seconds(1))
    #expect(net.members(1) == [1, 0])
    #expect(net.view(0) == net.view(1))
    #expect(net.installs[0].last?.committed == 10)
  }

  @Test("a promise that leads nowhere is followed by the candidacy of whoever gave it")
  func frozen() {
    var net = MembershipNet.group(3)
    let view = net.view(2)!
    net.handle(
      2,
      .received(
        .numbered(1),
        .prepare(Ballot(attempt: 3, proposer: .numbered(1)), succeeding: view.number)))
    #expect(net.peers[2].isFrozen)
    net.pass(.seconds(3))
    #expect(!net.peers[2].isFrozen)
    #expect(net.view(2)!.number > view.number)
    #expect(net.view(2) == net.view(0))
  }
}

extension MembershipMessage {
  fileprivate var isPrepare: Bool { if case .prepare = self { true } else { false } }
}
