// SPDX-License-Identifier: Apache-2.0

import Dispatch
import FerryBasics
import FerryCollectives
import FerryPeers
import Foundation
import Logging

/// One process of a benchmark: production links and group, and a vector instead of a model.
///
/// Tells its driver what happens on stdout, a line each, with the machine's monotonic clock in
/// nanoseconds, which all processes of a machine read alike.
final class BenchMember {
  struct Plan: Sendable {
    var secret: RunSecret
    var join: PeerAddress?
    var members: Int
    var sealing: LinkSettings.Sealing
    /// This peer's address, in numbers.
    var host = "127.0.0.1"
    /// The way that rounds take.
    var algorithm = AllReduceAlgorithm.automatic
    /// From each rank of the bare ring to the next.
    var bareConnections = 1
    /// Strands of each link; nil for what the links find best.
    var strands: Int?
    /// Of long paths; nil for the system's.
    var congestionControl: String?
  }

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
  private let plan: Plan
  private let ring: BareRing
  private var opened: UInt64?
  private var committed: UInt64 = 0

  init(_ plan: Plan) throws {
    self.plan = plan
    ring = try BareRing(host: plan.host, connections: plan.bareConnections)
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    let identity = Identity()
    var generator = SystemRandomNumberGenerator()
    me = Member(id: identity.id, incarnation: generator.next())
    var links = LinkSettings(
      run: "bench", admission: .secret(plan.secret), incarnation: me.incarnation,
      listen: PeerAddress(host: plan.host, port: 0))
    links.sealing = plan.sealing
    links.strands = plan.strands
    links.congestionControl = plan.congestionControl
    let settings = GroupLogic.Settings(
      algorithm: plan.algorithm, seed: Seed(1), membersMin: plan.members)
    let inbox = inbox
    loop = try LinkLoop(
      logic: RunLogic(group: GroupLogic(me: me, settings: settings)) {
        inbox.put(Heard(at: Self.now, notice: $0))
      },
      identity: identity, settings: links)
    let thread = Thread { [loop] in loop.run() }
    thread.name = "ferry-links"
    thread.start()
    Self.say("listens \(loop.address) \(ring.port) \(me.id)")
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

  /// What this process has used of the processors so far, in nanoseconds.
  private static var processorTime: UInt64 {
    var time = timespec()
    // SAFETY: the structure lives on this frame for the call.
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

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

  // MARK: Commands

  /// Does what the driver says, line by line, until its end of the pipe is closed.
  func obey() throws {
    var rank = 0
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      guard words.count >= 3, let a = Int(words[1]), let b = Int(words[2]) else {
        throw ValidationFailure.line(line)
      }
      switch words[0] {
      case "ring":
        rank = a
        guard words.count == 4, let port = UInt16(exactly: b) else {
          throw ValidationFailure.line(line)
        }
        try ring.connect(to: words[3], port)
        Self.say("ringed")
      case "bare": try runBare(count: a, repeats: b, rank: rank)
      case "group": runGroup(count: a, repeats: b)
      case "paths": tellPaths(count: a)
      default: throw ValidationFailure.line(line)
      }
    }
  }

  enum ValidationFailure: Error { case line(String) }

  private func runBare(count: Int, repeats: Int, rank: Int) throws {
    var values = [Float](repeating: 1, count: count)
    var times: [UInt64] = []
    let processor = Self.processorTime
    for _ in 0..<repeats {
      let start = Self.now
      try ring.allReduce(&values, rank: rank, world: plan.members)
      times.append(Self.now - start)
      for i in stride(from: 0, to: count, by: max(1, count / 16)) {
        precondition(values[i] == Float(plan.members), "the bare ring sums wrongly")
      }
      for i in values.indices { values[i] = 1 }
    }
    Self.say(([Self.processorTime - processor] + times).reduce("times") { "\($0) \($1)" })
  }

  /// Whether the links are measured, and the way that so many floats take then.
  private func tellPaths(count: Int) {
    post { group, _ in
      let choice = group.pathChoice(count)
      let time = choice?.time.map { $0 / .seconds(1) } ?? 0
      Self.say(
        "paths \(group.knowsPaths ? 1 : 0) \(time) \(choice?.algorithm.rawValue ?? "-") "
          + (choice?.reason ?? ""))
      return []
    }
  }

  private func runGroup(count: Int, repeats: Int) {
    // Goes in and comes back as the result: the mean of ones is ones.
    var values = [Float](repeating: 1, count: count)
    var times: [UInt64] = []
    let processor = Self.processorTime
    for _ in 0..<repeats {
      awaitOpening()
      let start = Self.now
      let round = opened!
      contribute(values)
      values = []
      while committed < round {
        for heard in inbox.take(waiting: .seconds(3600)) {
          switch heard.notice {
          case .group(.committed(let outcome)):
            times.append(Self.now - start)
            committed = outcome.round
            values = outcome.values
            for i in stride(from: 0, to: count, by: max(1, count / 16)) {
              precondition(values[i] == 1, "the mean of ones is not one")
            }
            let state = Self.state(after: outcome.round)
            post { group, now in group.publish(state, at: now) }
          case .group(.opened(let round, _)): opened = round
          default: hear([heard])
          }
        }
      }
    }
    Self.say(([Self.processorTime - processor] + times).reduce("times") { "\($0) \($1)" })
  }
}
