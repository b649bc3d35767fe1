// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryCollectives
import FerryPeers

struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure this machine and this build.",
    discussion: """
      Four peers as separate processes over loopback, with the links and the group
      that training uses.

      Examples:
        ferry bench collectives          an all-reduce against bare sockets
        ferry bench collectives --clear  the same without encryption
        ferry bench collectives --hosts 10.0.0.1,10.0.0.2 --launcher 'ssh bench{}'
                                         one member on each of two hosts
        ferry bench recovery --kills 20  from a kill to the next round, many times
        ferry bench strategies           loss and bytes of each at equal tokens

      Exit codes: 0 measured, 1 failed, 64 wrong usage.
      """)

  enum Subject: String, ExpressibleByArgument, CaseIterable {
    case collectives, recovery, strategies
  }

  @Argument(help: "What to measure: collectives, recovery or strategies.")
  var subject: Subject

  @Flag(help: "collectives: links without encryption.")
  var clear = false

  @Option(
    help: "collectives, recovery: bytes of the vector, such as 4KiB or 64MiB; may be repeated.",
    transform: Self.byteCount)
  var size: [Int] = []

  @Option(help: "collectives: how many members.")
  var members = 4

  @Option(
    help: """
      collectives, recovery: IPv4 addresses of hosts, commas between; one member on each. \
      For recovery four, all on this machine, as clocks are compared.
      """)
  var hosts: String?

  @Option(
    help: "collectives, recovery: a command that runs one on host {}, counted from 1.")
  var launcher: String?

  @Option(help: "collectives: the way that is taken, by name, instead of what suits the links.")
  var algorithm = "automatic"

  @Option(help: "collectives: connections of the bare ring, from each rank to the next.")
  var bareConnections = 1

  @Option(help: "collectives: strands of each link, instead of what the links find best.")
  var strands: Int?

  @Option(help: "collectives: the congestion control of long paths, instead of bbr.")
  var congestionControl: String?

  @Flag(help: "collectives: links by TCP between peers on this machine, too.")
  var tcp = false

  @Option(help: "recovery: how many peers are killed.")
  var kills = 20

  @Option(help: "recovery: how many peers are stopped without being killed.")
  var stops = 5

  @OptionGroup var strategies: StrategiesBench.Options
  @OptionGroup var output: OutputOptions

  private static func byteCount(_ text: String) throws -> Int {
    guard let bytes = Quantity.byteCount(of: text) else {
      throw ValidationError("'\(text)' is no number of bytes: 65536, 64KiB, 1MiB and 1GiB are.")
    }
    return bytes
  }

  /// The largest vector that is measured, in bytes.
  static let sizeMax = 1 << 30
  /// The most processes of one benchmark.
  static let membersMax = 64
  /// The most faults of one kind.
  static let faultsMax = 10_000

  func validate() throws {
    guard size.allSatisfy({ (16...Self.sizeMax) ~= $0 && $0.isMultiple(of: 4) }) else {
      throw ValidationError("--size must be 16 to \(Self.sizeMax), in whole floats of 4.")
    }
    let count = hosts?.split(separator: ",").count ?? members
    guard (2...Self.membersMax) ~= count else {
      throw ValidationError("--members or --hosts must be 2 to \(Self.membersMax).")
    }
    guard (1...BareRing.connectionsMax) ~= bareConnections,
      (0...LinkLimits.strandsMax) ~= strands ?? 0
    else {
      throw ValidationError(
        "--bare-connections must be 1 to \(BareRing.connectionsMax), "
          + "--strands 0 to \(LinkLimits.strandsMax).")
    }
    guard AllReduceAlgorithm(rawValue: algorithm) != nil else {
      let names = AllReduceAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--algorithm must be one of \(names).")
    }
    guard subject != .recovery || hosts == nil || count == 4 else {
      throw ValidationError("recovery needs four --hosts, not \(count).")
    }
    guard (0...Self.faultsMax) ~= kills, (0...Self.faultsMax) ~= stops else {
      throw ValidationError("--kills and --stops must be 0 to \(Self.faultsMax).")
    }
  }

  func run() async throws {
    let console = output.console
    switch subject {
    case .collectives:
      var bench = CollectivesBench(
        sealing: clear ? .clear : .encrypted,
        sizes: size.isEmpty ? [4 << 10, 1 << 20, 64 << 20] : size)
      bench.hosts = hosts?.split(separator: ",").map(String.init) ?? []
      bench.members = bench.hosts.isEmpty ? members : bench.hosts.count
      bench.launcher = launcher?.split(separator: " ").map(String.init) ?? []
      bench.algorithm = AllReduceAlgorithm(rawValue: algorithm) ?? .automatic
      bench.bareConnections = bareConnections
      bench.strands = strands
      bench.congestionControl = congestionControl
      bench.isTCP = tcp
      let ready = bench
      let figures = try await RunSession.onThread { try ready.run() }
      console.result(figures, text: CollectivesBench.text(figures))
    case .recovery:
      let (kills, stops) = (kills, stops)
      let sizes = size.isEmpty ? [1 << 20] : size
      let hosts = hosts?.split(separator: ",").map(String.init) ?? []
      let launcher = launcher?.split(separator: " ").map(String.init) ?? []
      let figures = try await RunSession.onThread {
        try sizes.flatMap { bytes in
          var bench = RecoveryBench()
          (bench.floats, bench.hosts, bench.launcher) = (bytes / 4, hosts, launcher)
          return try bench.run(kills: kills, stops: stops) {
            console.note("\(bytes) bytes, \($0)")
          }
        }
      }
      console.result(figures, text: RecoveryBench.text(figures))
    case .strategies:
      let options = strategies
      try await RunSession.onThread { try StrategiesBench(options, console: console).run() }
    }
  }
}
