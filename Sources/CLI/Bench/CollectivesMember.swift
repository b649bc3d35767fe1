// SPDX-License-Identifier: Apache-2.0

import Dispatch
import FerryBasics
import FerryCollectives
import FerryPeers
import Foundation
import Logging

/// What a process of a benchmark is to be.
struct BenchPlan: Sendable {
  var secret: RunSecret
  var join: PeerAddress?
  var members: Int
  var sealing: LinkSettings.Sealing
  /// This peer's address, in numbers.
  var host = "127.0.0.1"
  /// The way that operations take.
  var algorithm = AllReduceAlgorithm.automatic
  /// From each rank of the bare ring to the next.
  var bareConnections = 1
  /// Strands of each link; nil for what the links find best.
  var strands: Int?
  /// Of long paths; nil for the system's.
  var congestionControl: String?
  /// By TCP, though all be on one machine.
  var isTCP = false
}

/// One process of the benchmark of collectives: a `PeerGroup` as any program has it, and a ring of
/// bare sockets beside it. Does what its driver says on stdin, a line each, and answers on stdout.
final class CollectivesMember {
  /// How long an operation may take.
  private static let callMax: Duration = .seconds(100)

  private let plan: BenchPlan
  private let ring: BareRing
  private let group: PeerGroup

  init(_ plan: BenchPlan) throws {
    self.plan = plan
    ring = try BareRing(host: plan.host, connections: plan.bareConnections)
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    var settings = PeerGroup.Settings(run: "bench", secret: plan.secret)
    settings.listen = PeerAddress(host: plan.host, port: 0)
    settings.sealing = plan.sealing
    settings.strands = plan.strands
    settings.congestionControl = plan.congestionControl
    settings.usesLocalSockets = !plan.isTCP
    settings.group = GroupLogic.Settings(seed: Seed(1), membersMin: plan.members)
    if let address = plan.join {
      group = try PeerGroup.join(at: address, settings, within: Self.callMax).group
    } else {
      group = try PeerGroup.found(settings)
    }
    say("listens \(group.address) \(ring.port) \(group.me.id)")
  }

  /// Does what the driver says, until its end of the pipe is closed.
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
        say("ringed")
      case "bare": try runBare(count: a, repeats: b, rank: rank)
      case "group": try runGroup(count: a, repeats: b)
      case "paths": tellPaths(count: a)
      default: throw ValidationFailure.line(line)
      }
    }
  }

  enum ValidationFailure: Error { case line(String) }

  private func runBare(count: Int, repeats: Int, rank: Int) throws {
    var values = [Float](repeating: 1, count: count)
    var times: [UInt64] = []
    let processor = processorTime
    for _ in 0..<repeats {
      let start = now
      try ring.allReduce(&values, rank: rank, world: plan.members)
      times += [start, now]
      for i in stride(from: 0, to: count, by: max(1, count / 16)) {
        precondition(values[i] == Float(plan.members), "the bare ring sums wrongly")
      }
      for i in values.indices { values[i] = 1 }
    }
    say(([processorTime - processor] + times).reduce("times") { "\($0) \($1)" })
  }

  private func runGroup(count: Int, repeats: Int) throws {
    // Goes in and comes back as the result.
    var values = [Float](repeating: 1, count: count)
    var times: [UInt64] = []
    let processor = processorTime
    for _ in 0..<repeats {
      let start = now
      let outcome = try group.perform(
        .allReduce(.f32(values), .sum, algorithm: plan.algorithm), within: Self.callMax)
      times += [start, now]
      guard case .f32(let sum) = outcome.values, sum.count == count,
        outcome.contributors.count == plan.members
      else { preconditionFailure("not the sum of all members") }
      for i in stride(from: 0, to: count, by: max(1, count / 16)) {
        precondition(sum[i] == Float(plan.members), "the sum of ones is not their number")
      }
      values = sum
      for i in values.indices { values[i] = 1 }
    }
    say(([processorTime - processor] + times).reduce("times") { "\($0) \($1)" })
  }

  /// Whether the links are measured, and the way that so many floats take then.
  private func tellPaths(count: Int) {
    let choice = group.pathChoice(count)
    let time = choice?.time.map { $0 / .seconds(1) } ?? 0
    say(
      "paths \(choice?.isMeasured == true ? 1 : 0) \(time) \(choice?.isTimeBound == true ? 1 : 0) "
        + "\(choice?.algorithm.rawValue ?? "-") \(choice?.reason ?? "")")
  }

  private var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  /// What this process has used of the processors so far, in nanoseconds.
  private var processorTime: UInt64 {
    var time = timespec()
    // SAFETY: the structure lives on this frame for the call.
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private func say(_ line: String) { Terminal.write(line + "\n", to: .standardOutput) }
}
