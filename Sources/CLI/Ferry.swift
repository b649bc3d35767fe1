// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import Foundation

/// The terminal door: parse, call a room, print.
@main
struct Ferry: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ferry",
    abstract: "Train one model across machines that come and go.",
    discussion: """
      First steps:
        ferry demo                 see it work: four peers, two of them killed, one report
        ferry init run.toml        write a configuration in which every key is explained
        ferry train run.toml       start the first peer; prints the line others join with
        ferry join 'ferry://…'     on any other machine, any time

      Exit codes: 0 done, 1 failed, 2 bad input or configuration, 64 wrong usage, 130 interrupted.
      With --json every command prints one object a line, and errors as
      {"error":{"code":…,"what":…,"place":…,"remedy":…}}.
      """,
    version: ferryVersion,
    groupedSubcommands: [
      CommandGroup(
        name: "Run", subcommands: [Init.self, Train.self, Join.self, Demo.self]),
      CommandGroup(
        name: "Watch", subcommands: [Status.self, Peers.self, Leave.self, Report.self]),
      CommandGroup(
        name: "Use", subcommands: [Generate.self, Checkpoint.self, DataCommand.self]),
      CommandGroup(
        name: "Look into",
        subcommands: [
          Doctor.self, ConfigCommand.self, IdentityCommand.self, Limits.self, Bench.self,
        ]),
    ])

  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      var command = try parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let error as any FerryError {
      let wantsJSON = arguments.prefix { $0 != "--" }.contains("--json")
      Console.standard(format: wantsJSON ? .json : .text).report(error)
      exit(withStatus: (error as? CLIError)?.exitStatus ?? .failed)
    } catch {
      // The parser's own: help, version, usage (64), and ExitCode.
      exit(withError: error)
    }
  }

  private static func exit(withStatus status: ExitStatus) -> Never {
    Foundation.exit(status.rawValue)
  }
}

/// The release, as `--version` and the handshake tell it.
package let ferryVersion = "0.1.0"
