// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct Train: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Start a run as its first peer.",
    discussion: """
      Prints the line that others need to join, then trains until the last round.
      Others may come and go at any time, and so may this peer: the rest go on without
      it. Ctrl-C leaves cleanly and writes a checkpoint; once more stops at once.

      Examples:
        ferry train run.toml
        ferry train run.toml --set train.batch=16 --metrics 9100
        ferry train run.toml --run runs/one --resume  go on from the newest checkpoint

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

  @OptionGroup var place: RunOptions
  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if resume && place.run == nil {
      throw ValidationError("--resume needs --run FOLDER, the folder of the run to go on with.")
    }
  }

  func run() async throws {
    let configuration = try options.load(path: path)
    try await RunHost(
      configuration: configuration, role: alone ? .alone(resume: resume) : .first(resume: resume),
      name: place.name, folder: place.run, identity: place.identity, console: output.console
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
