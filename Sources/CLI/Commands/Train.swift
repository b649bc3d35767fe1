// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryPeers
import Foundation

struct Train: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Start a run as its first peer.",
    discussion: """
      Prints the line that others need to join, then trains until the last round.
      Others may come and go at any time, and so may this peer: the rest go on
      without it. Ctrl-C leaves cleanly and writes a checkpoint; once more stops at
      once.

      Examples:
        ferry train run.toml
        ferry train run.toml --set train.batch=16 --metrics 9100
        ferry train run.toml --run runs/one --resume  go on from its last checkpoint
        mpirun -np 4 ferry train run.toml --launched  four peers; FERRY_SECRET is set

      Exit codes: 0 finished, 1 failed on the way, 2 refused (configuration, text,
      checkpoint, port), 64 wrong usage, 130 interrupted.
      """)

  @Argument(
    help: "The configuration file (ferry init writes one); without one, defaults and flags.",
    completion: .file())
  var path: String?

  @Flag(help: "Go on from the newest checkpoint in the run's folder.")
  var resume = false

  @Flag(help: "Train without any links; nobody can join.")
  var alone = false

  @Flag(
    help: "Take rank, size and meeting place from torchrun, mpirun or Slurm: rank 0 is first.")
  var launched = false

  @OptionGroup var place: RunOptions
  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if launched && alone { throw ValidationError("--launched and --alone exclude each other.") }
    if resume && place.run == nil {
      throw ValidationError("--resume needs --run FOLDER, the folder of the run to go on with.")
    }
  }

  func run() async throws {
    if launched { return try await runLaunched() }
    let configuration = try options.load(path: path)
    try await RunHost(
      configuration: configuration, role: alone ? .alone(resume: resume) : .first(resume: resume),
      name: place.name, folder: place.run, identity: place.identity, console: output.console
    ).run()
  }

  private func runLaunched() async throws {
    let environment = ProcessInfo.processInfo.environment
    let peer = try LaunchedPeer(environment)
    var options = options
    options.settings += peer.settings
    let configuration = try options.load(path: path)
    let rank = peer.told.rank
    try await RunHost(
      configuration: configuration,
      role: peer.role(run: configuration.run.name, resume: resume),
      name: place.name ?? "rank \(rank)",
      folder: place.run.map { rank == 0 ? $0 : "\($0)/rank-\(rank)" },
      identity: peer.identity(place.identity, environment), console: output.console,
      secret: peer.secret
    ).run()
  }
}

/// Where a run's files go, and what this peer is called.
struct RunOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The run's folder on this machine; without it, a new one in ~/.local/state/ferry/runs.",
      valueName: "folder"),
    completion: .directory)
  var run: String?

  @Option(help: "What this peer is called in displays and reports; its host's name otherwise.")
  var name: String?

  @Option(
    help: ArgumentHelp(
      "The folder of the identity, for several peers on one machine; ~/.config/ferry otherwise.",
      valueName: "folder"),
    completion: .directory)
  var identity: String?
}
