// SPDX-License-Identifier: Apache-2.0

import Dispatch
import FerryBasics
import FerryPeers
import Foundation

/// From the loss of a peer to the next round that all others have committed, many times.
struct RecoveryBench {
  /// One fault, in seconds after it.
  struct Fault: Codable, Sendable {
    let wasCoordinator: Bool
    /// Until the last survivor knew that a link was lost.
    let detection: Double
    /// From then until the last survivor was in the new view.
    let agreement: Double
    /// From then until the last survivor had committed a round.
    let repetition: Double
    var total: Double { detection + agreement + repetition }
  }

  struct Figures: Codable, Sendable {
    let signal: String
    let bytes: Int
    let total: Spread
    let detection: Spread
    let agreement: Spread
    let repetition: Spread
    /// Between two rounds without a fault: what every total contains at least in part.
    let round: Spread
    let faults: [Fault]
  }

  /// Of each member's vector.
  var floats = 1 << 18
  /// As in `CollectivesBench`; all on one machine, as their clocks are compared.
  var hosts: [String] = []
  var launcher: [String] = []
  static let faultMax: Duration = .seconds(60)
  /// Signals come within so many seconds after a round, which is about two rounds.
  private static let phaseMax = 0.05

  /// What the driver knows of one child.
  private struct Peer {
    let child: BenchChild
    let place: Int
    var address = ""
    var id = ""
    var isCoordinator = false
    var members = 0
    var commits: [UInt64] = []
    var lost: [(at: UInt64, id: String)] = []
    var views: [(at: UInt64, members: Int)] = []
    var isAlive = true
  }

  private let inbox = Inbox<BenchChild.Line>()
  private var peers: [Peer] = []
  private let secret: String
  private var rounds: [Double] = []
  private var chance = SplitMix64(Seed(1))

  init() {
    var generator = SystemRandomNumberGenerator()
    secret = RunSecret.generated(using: &generator).text
  }

  mutating func run(kills: Int, stops: Int, note: (String) -> Void) throws -> [Figures] {
    defer {
      for peer in peers where peer.isAlive { peer.child.send(SIGKILL) }
    }
    for place in 0..<4 { try add(at: place) }
    try follow("four members at work") { $0.allSatisfy { !$0.isAlive || $0.commits.count > 5 } }
    var figures: [Figures] = []
    for (signal, name, count) in [(SIGKILL, "SIGKILL", kills), (SIGSTOP, "SIGSTOP", stops)]
    where count > 0 {
      var faults: [Fault] = []
      for turn in 0..<count {
        let fault = try one(signal, coordinator: turn % 2 == 1)
        faults.append(fault)
        note("\(name) \(turn + 1)/\(count): \(CollectivesBench.milliseconds(fault.total))")
      }
      figures.append(
        Figures(
          signal: name, bytes: 4 * floats, total: Spread(faults.map(\.total)),
          detection: Spread(faults.map(\.detection)), agreement: Spread(faults.map(\.agreement)),
          repetition: Spread(faults.map(\.repetition)), round: Spread(rounds), faults: faults))
    }
    return figures
  }

  /// Starts a peer, which joins through one that lives.
  private mutating func add(at place: Int) throws {
    let index = peers.count
    var arguments = ["--secret=\(secret)", "--members", "4", "--endless", "\(floats)"]
    if let host = peers.first(where: \.isAlive) { arguments += ["--join", host.address] }
    if hosts.indices.contains(place) { arguments += ["--host", hosts[place]] }
    let launcher = launcher.map { $0.replacing("{}", with: "\(place + 1)") }
    let child = try BenchChild(arguments, index: index, launcher: launcher, into: inbox)
    peers.append(Peer(child: child, place: place))
    try follow("peer \(index + 1) listens") { !$0[index].address.isEmpty }
  }

  private mutating func one(_ signal: Int32, coordinator: Bool) throws -> Fault {
    for index in peers.indices {
      (peers[index].commits, peers[index].views, peers[index].lost) = ([], [], [])
    }
    // A few quiet rounds first, also to know who coordinates now.
    try follow("quiet rounds") { $0.allSatisfy { !$0.isAlive || $0.commits.count > 5 } }
    for peer in peers where peer.isAlive {
      for (a, b) in zip(peer.commits, peer.commits.dropFirst()) where b > a {
        rounds.append(Double(b - a) / 1e9)
      }
    }
    // At any moment of a round, not just after one.
    Thread.sleep(forTimeInterval: Double.random(in: 0..<Self.phaseMax, using: &chance))
    let alive = peers.indices.filter { peers[$0].isAlive }
    let victim = alive.first { peers[$0].isCoordinator == coordinator } ?? alive[0]
    let start = DispatchTime.now().uptimeNanoseconds
    peers[victim].child.send(signal)
    peers[victim].isAlive = false
    let id = peers[victim].id
    let rest = alive.filter { $0 != victim }
    try follow("the survivors go on") { peers in
      rest.allSatisfy { index in
        let view = peers[index].views.first { $0.at > start && $0.members == rest.count }
        return view.map { view in peers[index].commits.contains { $0 >= view.at } } ?? false
      }
    }
    // What each survivor saw; the last one counts.
    func last(_ times: [UInt64]) -> Double { Double((times.max() ?? start) - start) / 1e9 }
    let views = rest.map { index in
      peers[index].views.first { $0.at > start && $0.members == rest.count }!.at
    }
    let agreed = last(views)
    let commits = zip(rest, views).map { index, view in
      peers[index].commits.first { $0 >= view }!
    }
    // Whoever hears of the new view before it misses the peer has nothing to detect.
    let lost = rest.compactMap { index in
      peers[index].lost.first { $0.id == id && $0.at > start }?.at
    }
    let detected = min(lost.isEmpty ? agreed : last(lost), agreed)
    let fault = Fault(
      wasCoordinator: coordinator, detection: detected, agreement: agreed - detected,
      repetition: last(commits) - agreed)
    if signal == SIGSTOP { peers[victim].child.send(SIGKILL) }
    try add(at: peers[victim].place)
    let newest = peers.count - 1
    try follow("the replacement works") {
      $0[newest].members == 4 && $0[newest].commits.count > 2
    }
    return fault
  }

  /// Reads what the children say until something holds.
  private mutating func follow(_ what: String, _ holds: ([Peer]) -> Bool) throws {
    let clock = ContinuousClock()
    let end = clock.now + Self.faultMax
    while !holds(peers) {
      for line in inbox.take(waiting: .milliseconds(200)) { hear(line) }
      if clock.now > end {
        throw CollectivesBench.failed("\(what): not within \(Self.faultMax.components.seconds) s")
      }
    }
  }

  private mutating func hear(_ line: BenchChild.Line) {
    let index = line.child
    guard let words = line.words, words.count >= 3 else { return }
    let at = UInt64(words[1]) ?? 0
    switch words[0] {
    case "listens":
      peers[index].address = words[1]
      peers[index].id = words[3]
    case "unlinked": peers[index].lost.append((at, words[2]))
    case "view":
      peers[index].members = Int(words[2]) ?? 0
      peers[index].isCoordinator = words[3] == "coordinator"
      peers[index].views.append((at, peers[index].members))
    case "committed": peers[index].commits.append(at)
    default: break
    }
  }

  static func text(_ figures: [Figures]) -> String {
    var table = TextTable([
      ("FAULT", .leading), ("BYTES", .trailing), ("TIMES", .trailing), ("PART", .leading),
      ("MEDIAN", .trailing),
      ("P90", .trailing), ("P99", .trailing),
    ])
    for one in figures {
      let parts = [
        ("to the next round", one.total), ("  detection", one.detection),
        ("  agreement", one.agreement), ("  repetition", one.repetition),
        ("round without fault", one.round),
      ]
      for (name, spread) in parts {
        table.add([
          one.signal, "\(one.bytes)", "\(spread.count)", name,
          CollectivesBench.milliseconds(spread.median),
          CollectivesBench.milliseconds(spread.p90), CollectivesBench.milliseconds(spread.p99),
        ])
      }
    }
    return table.text
  }
}
