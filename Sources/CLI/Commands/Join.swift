// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryPeers
import Foundation

struct Join: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Join a run that goes on, from any machine, any time.",
    discussion: """
      The line comes from `ferry train` (or `ferry status` on any peer). It carries
      the run's secret: put it in single quotes, and show it to nobody else. The
      shared state is fetched from several peers at once, checked, and from the next
      round on this peer takes part.

      Without a configuration file, what must be equal on all peers is taken from the
      run; a file that says otherwise is refused, naming the values that differ.

      Examples:
        ferry join 'ferry://10.0.0.7:7700/crossing?secret=…'
        ferry join 'ferry://…' --config run.toml --text ~/books --threads 4
        ferry join runs/one/join                    a file that holds the line

      Exit codes: 0 finished, 1 failed on the way, 2 refused (join line, secret,
      version, configuration, text, port), 64 wrong usage, 130 interrupted.
      """)

  @Argument(help: "The line that `ferry train` printed, or a file that holds it.")
  var line: String

  @Option(help: "A configuration file for this machine's own values.", completion: .file())
  var config: String?

  @OptionGroup var place: RunOptions
  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let configuration = try options.load(path: config)
    try await RunHost(
      configuration: configuration, role: .joiner(try joinLine()), name: place.name,
      folder: place.run, identity: place.identity, console: output.console
    ).run()
  }

  /// A file keeps the secret out of the list of processes and the shell's history.
  private func joinLine() throws -> JoinLine {
    guard !line.hasPrefix(JoinLine.scheme), FileManager.default.fileExists(atPath: line) else {
      return try JoinLine.parse(line)
    }
    let bytes = try BoundedFile.read(
      line, bytesMax: JoinLine.textBytesMax + 2, remedy: "Give the join line itself.")
    return try JoinLine.parse(
      String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
  }
}
