// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryBasics
import FerryTensors
import Foundation

/// The terminal door: parse, call a room, print.
@main
struct Ferry: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ferry",
    abstract: "Train one model across machines that come and go.",
    discussion: """
      First steps:
        ferry demo             see it work: peers killed, one report
        ferry init run.toml    write a configuration that explains itself
        ferry train run.toml   start the first peer; prints the line to join with
        ferry join 'ferry://…' on any other machine, any time

      Exit codes: 0 done, 1 failed on the way (a full disk, a peer out of reach),
      2 refused (what was given cannot be used: configuration, text, checkpoint,
      secret, port), 64 wrong usage, 130 interrupted. With --json every command
      prints one object a line, and errors as {"error":{"code":…,"what":…,"place":…,
      "remedy":…}}.
      """,
    version: ferryVersion,
    subcommands: [BenchPeer.self],
    groupedSubcommands: [
      CommandGroup(
        name: "Run", subcommands: [Init.self, Train.self, Join.self, Demo.self]),
      CommandGroup(
        name: "Watch", subcommands: [Status.self, Peers.self, Leave.self, Report.self]),
      CommandGroup(
        name: "Use",
        subcommands: [Generate.self, Checkpoint.self, ParityCommand.self, DataCommand.self]),
      CommandGroup(
        name: "Look into",
        subcommands: [
          Doctor.self, ConfigCommand.self, IdentityCommand.self, Limits.self, Bench.self,
          Plan.self, Island.self,
        ]),
      CommandGroup(name: "Move mass", subcommands: [OT.self, RecipeCommand.self]),
    ])

  static func main() async {
    FreedMemory.keep()
    let arguments = Array(CommandLine.arguments.dropFirst())
    // A file that may not grow further is an error of the write, not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
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
      exit(withStatus: ExitStatus(error))
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

/// Every command's help, as `--help` prints it on a terminal of 80 columns.
package enum HelpTexts {
  /// `ferry checkpoint list` to its help, for all commands that do something.
  package static var all: [String: String] { all(columns: 80) }

  /// The same for a terminal of so many columns.
  package static func all(columns: Int) -> [String: String] {
    var texts: [String: String] = [:]
    collect(Ferry.self, "ferry", columns, into: &texts)
    return texts
  }

  private static func collect(
    _ command: any ParsableCommand.Type, _ name: String, _ columns: Int,
    into texts: inout [String: String]
  ) {
    texts[name] = Ferry.helpMessage(for: command, columns: columns)
    for one in command.configuration.subcommands where one.configuration.shouldDisplay {
      collect(one, "\(name) \(one._commandName)", columns, into: &texts)
    }
  }
}
