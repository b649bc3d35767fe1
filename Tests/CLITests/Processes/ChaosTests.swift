// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation
import Testing

/// Real processes, killed, stopped and started again; `FERRY_CHAOS_SECONDS` says for how long, and
/// `FERRY_SEED` replays a schedule.
@Suite("Chaos", .serialized)
struct ChaosTests {
  static let environment = ProcessInfo.processInfo.environment
  static let seconds = Double(environment["FERRY_CHAOS_SECONDS"] ?? "") ?? 20
  static let seed = UInt64(environment["FERRY_SEED"] ?? "") ?? 1
  static let peersMax = 4

  private struct Peer {
    let folder: String
    let process: FerryProcess
    var resumesAt: Date?
  }

  private let yard: Yard

  init() throws { yard = try Yard() }

  /// One life of a peer; a life that ended comes back under the same identity.
  private func start(_ life: Int, slot: Int, through host: String?) throws -> Peer {
    let folder = "life-\(life)"
    var arguments = ["--run", folder, "--identity", "identity-\(slot)", "--name", folder]
    arguments += ["--text", "text.txt", "--threads", "1", "--listen", "127.0.0.1:0"]
    if let host {
      arguments = ["join", "\(host)/join"] + arguments
    } else {
      arguments = ["train"] + arguments + Yard.tiny
      arguments += ["--set", "run.rounds=1000000", "--set", "checkpoint.every=50"]
    }
    return Peer(folder: folder, process: try FerryProcess(arguments, in: yard, log: folder))
  }

  /// Round to hash, as a life's log has it; a line cut off by a kill is passed over.
  private func hashes(of folder: String) -> [Int: String] {
    struct Line: Decodable {
      var kind: String
      var round: Int?
      var hash: String?
    }
    var found: [Int: String] = [:]
    for line in yard.read("\(folder)/events.jsonl").split(separator: "\n") {
      guard line.contains("\"round-committed\""),
        let line = try? JSONDecoder().decode(Line.self, from: Data(line.utf8)),
        let round = line.round, let hash = line.hash
      else { continue }
      found[round] = hash
    }
    return found
  }

  @Test("random kills, stops and restarts end with equal hashes and clean ledgers")
  func storm() throws {
    var random = SplitMix64(Seed(Self.seed))
    var lives = 0
    var folders: [String] = []
    var peers: [Int: Peer] = [:]
    var counts = ["kill": 0, "stop": 0, "start": 0]
    defer {
      for peer in peers.values {
        peer.process.send(SIGCONT)
        peer.process.send(SIGKILL)
      }
    }
    func begin(_ slot: Int) throws {
      let host = peers.values.first { $0.resumesAt == nil && $0.process.isRunning }?.folder
      lives += 1
      let peer = try start(lives, slot: slot, through: host)
      peers[slot] = peer
      folders.append(peer.folder)
      let listens = waitUntil(within: 30) { !yard.read("\(peer.folder)/join").isEmpty }
      try #require(listens, "seed \(Self.seed), \(peer.folder): \(peer.process.errors.suffix(500))")
    }
    for slot in 0..<Self.peersMax { try begin(slot) }
    func works(_ folder: String, beyond round: Int) -> Bool {
      (hashes(of: folder).keys.max() ?? 0) > round
    }
    #expect(waitUntil(within: 60) { peers.values.allSatisfy { works($0.folder, beyond: 0) } })

    let end = Date(timeIntervalSinceNow: Self.seconds)
    while Date.now < end {
      Thread.sleep(forTimeInterval: 0.3 + Double(random.next() % 1200) / 1000)
      for (slot, peer) in peers where peer.resumesAt.map({ $0 <= .now }) ?? false {
        peer.process.send(SIGCONT)
        peers[slot]!.resumesAt = nil
      }
      let free = (0..<Self.peersMax).filter { peers[$0] == nil }
      let up = peers.keys.sorted().filter { peers[$0]!.resumesAt == nil }
      for slot in up {
        let process = peers[slot]!.process
        #expect(
          process.isRunning, "seed \(Self.seed), ended by itself: \(process.errors.suffix(500))")
      }
      switch random.next() % 3 {
      case 0 where up.count == Self.peersMax || (up.count == 3 && peers.count == 3):
        let slot = up[Int(random.next() % UInt64(up.count))]
        peers[slot]!.process.send(SIGKILL)
        peers[slot] = nil
        counts["kill"]! += 1
      case 1 where up.count == peers.count && up.count >= 3:
        let slot = up[Int(random.next() % UInt64(up.count))]
        peers[slot]!.process.send(SIGSTOP)
        peers[slot]!.resumesAt = Date(
          timeIntervalSinceNow: 0.2 + Double(random.next() % 4000) / 1000)
        counts["stop"]! += 1
      default:
        if let slot = free.first {
          try begin(slot)
          counts["start"]! += 1
        }
      }
    }

    for slot in peers.keys {
      peers[slot]!.process.send(SIGCONT)
      peers[slot]!.resumesAt = nil
    }
    let survivors = peers.values.map(\.folder).sorted()
    let reached = survivors.compactMap { hashes(of: $0).keys.max() }.max() ?? 0
    // After the storm all work together again: a round well beyond it, committed by every one.
    let goOn = waitUntil(within: 90) {
      survivors.allSatisfy { works($0, beyond: reached + 5) }
    }
    let states = survivors.map { "\($0) at \(hashes(of: $0).keys.max() ?? 0)" }
    #expect(goOn, "seed \(Self.seed): \(states), the storm ended at \(reached)")
    for peer in peers.values { peer.process.send(SIGINT) }
    for peer in peers.values { #expect(try peer.process.end(within: 60) == 130) }
    peers = [:]

    var agreed: [Int: String] = [:]
    for folder in folders {
      for (round, hash) in hashes(of: folder) {
        #expect(
          agreed[round, default: hash] == hash, "seed \(Self.seed): round \(round) on \(folder)")
        agreed[round] = hash
      }
    }
    #expect(agreed.count > 10)
    for folder in survivors {
      let verified = try yard.ferry(["checkpoint", "verify", folder])
      #expect(verified.status == 0, "seed \(Self.seed), \(folder): \(verified.out)")
      #expect(verified.out.contains("none lost, none twice"), "\(folder): \(verified.out)")
    }
    print("chaos: seed \(Self.seed), \(counts), \(agreed.count) rounds, \(lives) lives")
  }
}
