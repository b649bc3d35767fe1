// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryCollectives
import FerryPeers

/// One of the processes that `ferry bench` starts; not for people.
struct BenchPeer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-peer", abstract: "A peer of a benchmark; started by ferry bench.",
    shouldDisplay: false)

  @Option(help: "The benchmark's secret.") var secret: String
  @Option(help: "A peer to join; without it, this one founds the group.") var join: String?
  @Option(help: "How many peers the first round waits for.") var members = 4
  @Flag(help: "Without encryption.") var clear = false
  @Flag(help: "By TCP, though all be on one machine.") var tcp = false
  @Option(help: "This peer's address, in numbers.") var host = "127.0.0.1"
  @Option(help: "Connections of the bare ring, from each rank to the next.")
  var bareConnections = 1
  @Option(help: "Strands of each link.") var strands: Int?
  @Option(help: "The way that rounds take.") var algorithm = "automatic"
  @Option(help: "The congestion control of long paths.") var congestionControl = "bbr"
  @Option(help: "Rounds without end, of this many floats.") var endless: Int?

  func run() async throws {
    guard let secret = RunSecret(secret) else { throw ValidationError("--secret is none.") }
    var address: PeerAddress?
    if let join {
      guard let target = HostPort(join) else { throw ValidationError("--join is no host:port.") }
      address = PeerAddress(host: target.host, port: target.port)
    }
    let plan = BenchPlan(
      secret: secret, join: address, members: members, sealing: clear ? .clear : .encrypted,
      host: host, algorithm: AllReduceAlgorithm(rawValue: algorithm) ?? .automatic,
      bareConnections: bareConnections, strands: strands,
      congestionControl: congestionControl, isTCP: tcp)
    let endless = endless
    try await RunSession.onThread {
      if let endless {
        try RecoveryMember(plan).runEndlessly(count: endless)
      } else {
        try CollectivesMember(plan).obey()
      }
    }
  }
}
