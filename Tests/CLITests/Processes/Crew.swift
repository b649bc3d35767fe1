// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation
import Testing

/// Peers of one run as real processes: started, killed, stopped and started again, and audited when
/// all is over.
final class Crew {
  struct Peer {
    let folder: String
    let process: FerryProcess
    /// Stopped until then.
    var resumesAt: Date?
  }

  let size: Int
  let seed: UInt64
  let yard: Yard
  var random: SplitMix64
  private(set) var peers: [Int: Peer] = [:]
  private(set) var lives = 0
  private var folders: [String] = []

  init(size: Int, seed: UInt64) throws {
    (self.size, self.seed) = (size, seed)
    yard = try Yard()
    random = SplitMix64(Seed(seed))
  }

  deinit {
    for peer in peers.values {
      peer.process.send(SIGCONT)
      peer.process.send(SIGKILL)
    }
  }

  var free: [Int] { (0..<size).filter { peers[$0] == nil } }
  /// Slots whose process is there and not stopped.
  var up: [Int] { peers.keys.sorted().filter { peers[$0]!.resumesAt == nil } }

  func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }
  func any(of slots: [Int]) -> Int { slots[roll(slots.count)] }
  func seconds(_ range: ClosedRange<Double>) -> Double { .random(in: range, using: &random) }

  /// Starts a slot's next life, through any of the peers that can be reached, newcomers among them.
  func begin(_ slot: Int, through reachable: [Int]) throws {
    lives += 1
    let folder = "life-\(lives)"
    let hosts = reachable.filter { peers[$0]?.process.isRunning ?? false }
    let address = Laboratory.isHere ? Laboratory.addresses[slot] : "127.0.0.1"
    var arguments = ["--run", folder, "--identity", "identity-\(slot)", "--name", folder]
    arguments += ["--text", "text.txt", "--threads", "1", "--listen", "\(address):0"]
    if hosts.isEmpty {
      arguments = ["train"] + arguments
      let tiny = Yard.tiny
      // `tiny` has a listener of its own, on the loopback.
      arguments += tiny[tiny.firstIndex(of: "--set")!...]
      arguments += ["--set", "run.rounds=1000000", "--set", "checkpoint.every=50"]
    } else {
      arguments = ["join", "\(peers[any(of: hosts)]!.folder)/join"] + arguments
    }
    let process = try FerryProcess(
      arguments, in: yard, log: folder, host: Laboratory.isHere ? slot + 1 : nil)
    peers[slot] = Peer(folder: folder, process: process)
    folders.append(folder)
    let listens = waitUntil(within: 30) { !yard.read("\(folder)/join").isEmpty }
    try #require(listens, "seed \(seed), \(folder): \(process.errors.suffix(500))")
  }

  func kill(_ slot: Int) {
    peers[slot]!.process.send(SIGKILL)
    peers[slot] = nil
  }

  func stop(_ slot: Int, for seconds: Double) {
    peers[slot]!.process.send(SIGSTOP)
    peers[slot]!.resumesAt = Date(timeIntervalSinceNow: seconds)
  }

  /// Lets those go on whose time has come, or all.
  func resume(all: Bool = false) {
    for (slot, peer) in peers {
      guard let at = peer.resumesAt, all || at <= .now else { continue }
      peer.process.send(SIGCONT)
      peers[slot]!.resumesAt = nil
    }
  }

  func expectNobodyEnded() {
    for slot in up {
      let process = peers[slot]!.process
      #expect(process.isRunning, "seed \(seed), ended by itself: \(process.errors.suffix(500))")
    }
  }

  // MARK: Rounds

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

  private func reached(_ folder: String) -> Int { hashes(of: folder).keys.max() ?? 0 }

  /// Waits until every peer has committed a round beyond this one.
  func allWork(beyond round: Int, within seconds: Double) -> Bool {
    waitUntil(within: seconds) { peers.values.allSatisfy { reached($0.folder) > round } }
  }

  /// After the storm all work together again; then all leave, agree on every round that any life of
  /// any of them committed, and have lost no sample.
  ///
  /// - Returns: how many rounds were committed.
  func settle() throws -> Int {
    resume(all: true)
    let survivors = peers.values.map(\.folder).sorted()
    let most = survivors.map(reached).max() ?? 0
    let goOn = allWork(beyond: most + 5, within: 120)
    let states = survivors.map { "\($0) at \(reached($0))" }
    #expect(goOn, "seed \(seed): \(states), the storm ended at \(most)")
    for peer in peers.values { peer.process.send(SIGINT) }
    for peer in peers.values { #expect(try peer.process.end(within: 60) == 130) }
    peers = [:]

    var agreed: [Int: String] = [:]
    for folder in folders {
      for (round, hash) in hashes(of: folder) {
        #expect(agreed[round, default: hash] == hash, "seed \(seed): round \(round) on \(folder)")
        agreed[round] = hash
      }
    }
    for folder in survivors {
      let verified = try yard.ferry(["checkpoint", "verify", folder])
      #expect(verified.status == 0, "seed \(seed), \(folder): \(verified.out)")
      #expect(verified.out.contains("none lost, none twice"), "\(folder): \(verified.out)")
    }
    return agreed.count
  }
}
