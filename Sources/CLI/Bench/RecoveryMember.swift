// SPDX-License-Identifier: Apache-2.0

import Dispatch
import FerryBasics
import FerryCollectives
import FerryPeers
import Foundation
import Logging

/// One process of the recovery benchmark: production links and group, rounds without end, and a
/// vector instead of a model.
///
/// Tells its driver what happens on stdout, a line each, with the machine's monotonic clock in
/// nanoseconds, which all processes of a machine read alike.
final class RecoveryMember {
  /// A notice, and when the links' thread gave it.
  private struct Heard: Sendable {
    let at: UInt64
    let notice: RunNotice
  }

  /// In place of work, so that a round is not nothing but its exchange.
  private static let workPause: Duration = .milliseconds(20)

  private let inbox = Inbox<Heard>()
  private let loop: LinkLoop<RunLogic>
  private let me: Member
  private var opened: UInt64?
  private var committed: UInt64 = 0

  init(_ plan: BenchPlan) throws {
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    let identity = Identity()
    var generator = SystemRandomNumberGenerator()
    me = Member(id: identity.id, incarnation: generator.next())
    var links = LinkSettings(
      run: "bench", admission: .secret(plan.secret), incarnation: me.incarnation,
      listen: PeerAddress(host: plan.host, port: 0))
    links.sealing = plan.sealing
    let settings = GroupLogic.Settings(seed: Seed(1), membersMin: plan.members)
    let inbox = inbox
    loop = try LinkLoop(
      logic: RunLogic(group: GroupLogic(me: me, settings: settings)) {
        inbox.put(Heard(at: Self.now, notice: $0))
      },
      identity: identity, settings: links)
    let thread = Thread { [loop] in loop.run() }
    thread.name = "ferry-links"
    thread.start()
    Self.say("listens \(loop.address) 0 \(me.id)")
    if let address = plan.join {
      post { group, now in group.seek(address, at: now) }
    } else {
      post { group, now in group.found(Self.state(after: 0), at: now) }
    }
  }

  // MARK: Rounds

  private func post(_ work: @escaping @Sendable (inout GroupLogic, Duration) -> [LinkAction]) {
    loop.post { logic, now in logic.perform { work(&$0, now) } }
  }

  /// Nothing is shared but the count of rounds: the exchange alone is measured.
  private static func state(after round: UInt64) -> StateServer {
    StateServer(SharedState(round: round, tensors: [], note: []))
  }

  private static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  private static func say(_ line: String) {
    Terminal.write(line + "\n", to: .standardOutput)
  }

  /// Waits for the next round to open; tells of everything that comes before.
  private func awaitOpening() {
    while opened == nil { hear(inbox.take(waiting: .seconds(3600))) }
  }

  private func hear(_ all: [Heard]) {
    for heard in all {
      let at = heard.at
      switch heard.notice {
      case .linked: break
      case .unlinked(let member, let cause):
        Self.say("unlinked \(at) \(member.id) \(cause.sentence)")
      case .group(.changed(let view, let reason)):
        let role = view.coordinator == me ? "coordinator" : "member"
        Self.say("view \(at) \(view.members.count) \(role) \(reason)")
      case .group(.opened(let round, _)): opened = round
      case .group(.committed(let outcome)):
        committed = outcome.round
        let state = Self.state(after: outcome.round)
        post { group, now in group.publish(state, at: now) }
        Self.say("committed \(at) \(outcome.round) \(outcome.contributors.count)")
      case .group(.evicted(let reason)), .group(.stopped(let reason)):
        opened = nil
        Self.say("evicted \(at) \(reason)")
      case .group: break
      }
    }
  }

  /// One round, from the contribution to the commit.
  private func contribute(_ values: [Float]) {
    guard let round = opened else { return }
    opened = nil
    let mine = Contribution(round: round, values: values, weight: 1, note: [])
    post { group, now in group.contribute(mine, at: now) }
  }

  /// Rounds until the process is killed.
  func runEndlessly(count: Int) {
    let values = [Float](repeating: 1, count: count)
    while true {
      awaitOpening()
      Thread.sleep(forTimeInterval: Self.workPause / .seconds(1))
      hear(inbox.take(waiting: .zero))
      contribute(values)
    }
  }
}
