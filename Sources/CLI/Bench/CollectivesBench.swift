// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryPeers
import Foundation

/// An f32 all-reduce of several processes over loopback, or of one on each of several hosts, against
/// bare sockets in the same run.
struct CollectivesBench {
  struct Figure: Codable, Sendable {
    let bytes: Int
    let sealing: String
    let algorithm: String
    /// Why that one.
    let reason: String
    /// What the measured links promise, in seconds; nil where they say nothing.
    let predicted: Double?
    /// It is the most that links take: they are faster than is measured, and processors limit.
    let isPredictedBound: Bool
    /// Of each operation in seconds, from when the last member has called to when the last has its
    /// result; where the members' clocks differ, of the slowest member.
    let ferry: Spread
    let bare: Spread
    /// Of the medians.
    let ratio: Double
    let megabytesPerSecond: Double
    /// Of processor time of all members together, for each gigabyte of the vector.
    let ferryProcessorSecondsPerGigabyte: Double
    let bareProcessorSecondsPerGigabyte: Double
  }

  /// How long a batch of repetitions may take.
  static let batchMax: Duration = .seconds(120)

  let sealing: LinkSettings.Sealing
  let sizes: [Int]
  var members = 4
  /// The way that operations take; automatic chooses.
  var algorithm = AllReduceAlgorithm.automatic
  var bareConnections = 1
  var strands: Int?
  var congestionControl: String?
  /// By TCP, though all be on one machine.
  var isTCP = false
  /// Where the members run, one on each; empty for all on loopback.
  var hosts: [String] = []
  /// Runs what stands after it on a host, whose number, from 1, takes the place of `{}`.
  var launcher: [String] = []

  func run() throws -> [Figure] {
    var generator = SystemRandomNumberGenerator()
    let secret = RunSecret.generated(using: &generator).text
    let inbox = Inbox<BenchChild.Line>()
    var children: [BenchChild] = []
    defer { for child in children { child.send(SIGKILL) } }
    var ports: [Int: String] = [:]
    var lead: String?
    for index in 0..<members {
      // In one word: a secret may begin with a dash.
      var arguments = ["--secret=\(secret)", "--members", "\(members)"]
      arguments += ["--bare-connections", "\(bareConnections)"]
      arguments += ["--algorithm", algorithm.rawValue]
      if let strands { arguments += ["--strands", "\(strands)"] }
      if let congestionControl { arguments += ["--congestion-control", congestionControl] }
      if sealing == .clear { arguments.append("--clear") }
      if isTCP { arguments.append("--tcp") }
      if let lead { arguments += ["--join", lead] }
      if hosts.indices.contains(index) { arguments += ["--host", hosts[index]] }
      let launcher = launcher.map { $0.replacing("{}", with: "\(index + 1)") }
      children.append(
        try BenchChild(arguments, index: index, launcher: launcher, into: inbox))
      let words = try Self.gather(inbox, first: "listens", from: 1)[index]!
      lead = lead ?? words[1]
      ports[index] = words[2]
    }
    // All connect before any accepts: the listener's backlog holds them.
    for child in children {
      let next = (child.index + 1) % members
      let host = hosts.indices.contains(next) ? hosts[next] : "127.0.0.1"
      child.tell("ring \(child.index) \(ports[next]!) \(host)")
    }
    _ = try Self.gather(inbox, first: "ringed", from: members)
    try awaitPaths(children[0], inbox)
    return try sizes.map { try measure($0, children, inbox) }
  }

  /// How long the links may take to be measured before the first vector.
  static let pathsMax: Duration = .seconds(30)

  /// Waits until the first member, which proposes plans, knows all links, if it is to at all.
  private func awaitPaths(_ first: BenchChild, _ inbox: Inbox<BenchChild.Line>) throws {
    guard members > 2 else { return }
    let end = ContinuousClock.now + Self.pathsMax
    while try !path(1, first, inbox).isKnown, ContinuousClock.now < end {
      Thread.sleep(forTimeInterval: 0.1)
    }
  }

  /// The way that so many floats would take, as the first member says.
  private func path(
    _ count: Int, _ first: BenchChild, _ inbox: Inbox<BenchChild.Line>
  ) throws -> (
    isKnown: Bool, predicted: Double?, isBound: Bool, algorithm: String, reason: String
  ) {
    first.tell("paths \(count) 0")
    let words = try Self.gather(inbox, first: "paths", from: 1)[0]!
    let predicted = Double(words[2])!
    return (
      words[1] == "1", predicted > 0 ? predicted : nil, words[3] == "1", words[4],
      words.dropFirst(5).joined(separator: " ")
    )
  }

  private func measure(
    _ bytes: Int, _ children: [BenchChild], _ inbox: Inbox<BenchChild.Line>
  ) throws -> Figure {
    let count = bytes / 4
    let batch = bytes >= 16 << 20 ? 1 : bytes >= 1 << 20 ? 5 : 100
    let batches = bytes >= 16 << 20 ? (hosts.isEmpty ? 7 : 3) : 10
    var (ferry, bare): ([Double], [Double]) = ([], [])
    var (ferryWork, bareWork) = (0.0, 0.0)
    for turn in 0..<batches + 1 {
      for kind in ["bare", "group"] {
        for child in children { child.tell("\(kind) \(count) \(batch)") }
        let answers = try Self.gather(inbox, first: "times", from: members)
          .values.map { $0.dropFirst().map { UInt64($0)! } }
        // The first turn warms up.
        guard turn > 0 else { continue }
        // In front of each member's times stands what it used of the processors.
        let slowest = (0..<batch).map { i in
          Self.time(answers.map { (start: $0[2 * i + 1], end: $0[2 * i + 2]) })
        }
        let work = answers.reduce(0) { $0 + Double($1[0]) / 1e9 }
        if kind == "bare" {
          bare += slowest
          bareWork += work
        } else {
          ferry += slowest
          ferryWork += work
        }
      }
    }
    let isOpen = algorithm == .automatic
    let path = try path(count, children[0], inbox)
    let (a, b) = (Spread(ferry), Spread(bare))
    let gigabytes = Double(bytes * batch * batches) / 1e9
    return Figure(
      bytes: bytes, sealing: sealing.rawValue,
      algorithm: isOpen ? path.algorithm : algorithm.rawValue,
      reason: isOpen ? path.reason : "\(algorithm.rawValue): configured",
      predicted: isOpen ? path.predicted : nil, isPredictedBound: isOpen && path.isBound,
      ferry: a, bare: b, ratio: a.median / b.median,
      megabytesPerSecond: Double(bytes) / a.median / 1e6,
      ferryProcessorSecondsPerGigabyte: ferryWork / gigabytes,
      bareProcessorSecondsPerGigabyte: bareWork / gigabytes)
  }

  /// Of one operation, from each member's start and end in nanoseconds of its machine's clock.
  ///
  /// Nobody ends before all have started: if the clocks say so, they are not one.
  static func time(_ spans: [(start: UInt64, end: UInt64)]) -> Double {
    let lastStart = spans.map(\.start).max()!
    let isOneClock = spans.allSatisfy { $0.end >= lastStart }
    let time =
      isOneClock
      ? spans.map(\.end).max()! - lastStart : spans.map { $0.end - $0.start }.max()!
    return Double(time) / 1e9
  }

  /// One line from each of so many children, by child; others are passed over.
  static func gather(
    _ inbox: Inbox<BenchChild.Line>, first: String, from count: Int
  ) throws -> [Int: [String]] {
    let clock = ContinuousClock()
    let end = clock.now + batchMax
    var found: [Int: [String]] = [:]
    while found.count < count {
      for line in inbox.take(waiting: .seconds(1)) {
        guard let words = line.words else { throw failed("peer \(line.child + 1) has ended") }
        if words.first == first { found[line.child] = words }
      }
      if clock.now > end { throw failed("no answer for \(batchMax.components.seconds) s") }
    }
    return found
  }

  static func failed(_ what: String) -> CLIError {
    CLIError(
      .benchFailed, what: what, place: "ferry bench",
      remedy: "Run it again on a machine that does nothing else.")
  }

  static func text(_ figures: [Figure]) -> String {
    var table = TextTable([
      ("SIZE", .trailing), ("LINKS", .leading), ("FERRY", .trailing), ("P90", .trailing),
      ("PREDICTED", .trailing),
      ("BARE", .trailing), ("P90", .trailing), ("RATIO", .trailing), ("RATE", .trailing),
      ("CPU s/GB", .trailing), ("BARE", .trailing), ("ALGORITHM", .leading),
    ])
    for one in figures {
      table.add([
        Quantity.bytes(one.bytes), one.sealing, milliseconds(one.ferry.median),
        milliseconds(one.ferry.p90),
        one.predicted.map { (one.isPredictedBound ? "< " : "") + milliseconds($0) } ?? "",
        milliseconds(one.bare.median), milliseconds(one.bare.p90),
        Quantity.ratio(one.ratio), "\(Quantity.decimal(one.megabytesPerSecond, digits: 0)) MB/s",
        Quantity.decimal(one.ferryProcessorSecondsPerGigabyte, digits: 2),
        Quantity.decimal(one.bareProcessorSecondsPerGigabyte, digits: 2), one.reason,
      ])
    }
    return table.text
  }

  static func milliseconds(_ seconds: Double) -> String {
    "\(Quantity.decimal(seconds * 1e3, digits: 2)) ms"
  }
}
