// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct Join: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Join a run that goes on, from any machine, any time.",
    discussion: """
      The line comes from `ferry train` (or `ferry status` on any peer). It carries the run's
      secret: put it in single quotes, and show it to nobody else. The shared state is fetched from
      several peers at once, checked, and from the next round on this peer takes part.

      Without a configuration file, what must be equal on all peers is taken from the run; a file
      that says otherwise is refused, naming the values that differ.

      Examples:
        ferry join 'ferry://10.0.0.7:7700/crossing?secret=…'
        ferry join 'ferry://…' --config run.toml --text ~/books --threads 4

      Exit codes: 0 finished, 1 failed, 2 bad join line or configuration, 64 wrong usage,
      130 interrupted.
      """)

  @Argument(help: "The line that `ferry train` printed.")
  var line: String

  @Option(help: "A configuration file for this machine's own values.", completion: .file())
  var config: String?

  @OptionGroup var place: RunOptions
  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let configuration = try options.load(path: config)
    try await RunHost(
      configuration: configuration, role: .joiner(line: line), name: place.name,
      folder: place.run, console: output.console
    ).run()
  }
}
