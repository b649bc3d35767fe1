// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Which run to talk to.
struct WatchOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The run's folder; without it, the newest run on this machine.", valueName: "folder"),
    completion: .directory)
  var run: String?

  func client() throws(CLIError) -> ControlClient {
    ControlClient(
      folder: try RunFolder.find(run, environment: ProcessInfo.processInfo.environment))
  }
}

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show how a run on this machine is going.",
    discussion: """
      Examples:
        ferry status
        ferry status --join-line      also the line to join with; it holds the secret
        ferry status --json | jq .loss

      Exit codes: 0 shown, 1 the run does not answer, 2 no run here, 64 wrong usage.
      """)

  @Flag(help: "Show the line that others join with; it carries the run's secret.")
  var joinLine = false

  @OptionGroup var watch: WatchOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    var status = try await watch.client().status()
    if !joinLine { status.joinLine = nil }
    let console = output.console
    let color = Terminal.isTerminal(.standardOutput) && console.hasColor
    var lines = ProgressDisplay(width: console.width, hasColor: color).lines(status)
    if !status.viewReason.isEmpty { lines.append("view \(status.view)    \(status.viewReason)") }
    if let line = status.joinLine { lines.append("join      ferry join '\(line)'") }
    console.result(status, text: lines.joined(separator: "\n"))
  }
}

struct Peers: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the peers of a run, as the peer on this machine sees them.",
    discussion: """
      SPEED is what the way from that peer to this one carries, measured by the peers
      themselves and again every few minutes; exchanges are planned by it.

      Examples:
        ferry peers
        ferry peers --json | jq -r 'select(.state == "member").id'  one object a peer

      Exit codes: 0 listed, 1 the run does not answer, 2 no run here, 64 wrong usage.
      """)

  @OptionGroup var watch: WatchOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let peers = try await watch.client().status().peers
    let console = output.console
    switch console.format {
    case .json: for peer in peers { console.emit(json: peer) }
    case .text: Terminal.write(PeerListing(peers).text, to: .standardOutput)
    }
  }
}

/// The table of `ferry peers`.
package struct PeerListing: Sendable {
  private let peers: [RunStatus.Peer]

  package init(_ peers: [RunStatus.Peer]) { self.peers = peers }

  package var text: String {
    var table = TextTable([
      ("NAME", .leading), ("STATE", .leading), ("ROLE", .leading), ("ADDRESS", .leading),
      ("ROUND TRIP", .trailing), ("SPEED", .trailing), ("SENT", .trailing), ("RECEIVED", .trailing),
      ("ID", .leading),
    ])
    for peer in peers {
      let roles = [peer.isSelf ? "this one" : nil, peer.isCoordinator ? "coordinator" : nil]
      table.add([
        peer.name, peer.state.rawValue, roles.compactMap(\.self).joined(separator: ", "),
        peer.address, peer.roundTripSeconds.map(Quantity.seconds) ?? "–",
        peer.bytesPerSecond.map { Quantity.bytes(Int($0)) + "/s" } ?? "–",
        Quantity.bytes(peer.bytesSent), Quantity.bytes(peer.bytesReceived), peer.id,
      ])
    }
    return table.text
  }
}

struct Leave: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make the peer on this machine leave its run cleanly.",
    discussion: """
      It says goodbye, so that the others need no time to notice, and writes a
      checkpoint. The run goes on without it; `ferry join` brings it back.

      Examples:
        ferry leave
        ferry leave --run runs/one

      Exit codes: 0 it is leaving, 1 the run does not answer, 2 no run here, 64 wrong
      usage.
      """)

  @OptionGroup var watch: WatchOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let status = try await watch.client().leave()
    output.console.result(
      status, text: "Leaving \(status.run) after round \(status.round). The others go on.")
  }
}
