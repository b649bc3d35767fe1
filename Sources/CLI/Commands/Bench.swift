// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
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
        ferry bench recovery --kills 20  from a kill to the next round, many times

      Exit codes: 0 measured, 1 failed, 64 wrong usage.
      """)

  enum Subject: String, ExpressibleByArgument, CaseIterable { case collectives, recovery }

  @Argument(help: "What to measure: collectives or recovery.")
  var subject: Subject

  @Flag(help: "collectives: links without encryption.")
  var clear = false

  @Option(help: "collectives: bytes of the vector; may be repeated.")
  var size: [Int] = []

  @Option(help: "recovery: how many peers are killed.")
  var kills = 20

  @Option(help: "recovery: how many peers are stopped without being killed.")
  var stops = 5

  @OptionGroup var output: OutputOptions

  /// The largest vector that is measured, in bytes.
  static let sizeMax = 1 << 30
  /// The most faults of one kind.
  static let faultsMax = 10_000

  func validate() throws {
    guard size.allSatisfy({ (16...Self.sizeMax) ~= $0 && $0.isMultiple(of: 4) }) else {
      throw ValidationError("--size must be 16 to \(Self.sizeMax), in whole floats of 4.")
    }
    guard (0...Self.faultsMax) ~= kills, (0...Self.faultsMax) ~= stops else {
      throw ValidationError("--kills and --stops must be 0 to \(Self.faultsMax).")
    }
  }

  func run() async throws {
    let console = output.console
    switch subject {
    case .collectives:
      let bench = CollectivesBench(
        sealing: clear ? .clear : .encrypted,
        sizes: size.isEmpty ? [4 << 10, 1 << 20, 64 << 20] : size)
      let figures = try await RunSession.onThread { try bench.run() }
      console.result(figures, text: CollectivesBench.text(figures))
    case .recovery:
      let (kills, stops) = (kills, stops)
      let figures = try await RunSession.onThread {
        var bench = RecoveryBench()
        return try bench.run(kills: kills, stops: stops) { console.note($0) }
      }
      console.result(figures, text: RecoveryBench.text(figures))
    }
  }
}
