// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryPeers
import Foundation

struct IdentityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identity", abstract: "Who this machine is to other peers.",
    subcommands: [IdentityShow.self])
}

struct IdentityShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print this machine's peer id.",
    discussion: """
      The id goes into peers.allow of those who want to let this machine in without
      the secret. The key behind it never leaves its file.

      Examples:
        ferry identity show
        ferry identity show --json | jq -r .id

      Exit codes: 0 printed, 1 no key can be made, 2 the key there cannot be used, 64
      wrong usage.
      """)

  @Option(
    name: .customLong("identity"),
    help: ArgumentHelp("The identity's folder; ~/.config/ferry otherwise.", valueName: "folder"),
    completion: .directory)
  var folder: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    let folder = folder ?? IdentityPlace.home(environment: ProcessInfo.processInfo.environment)
    let id = try IdentityPlace.identity(folder: folder).id.description
    let path = "\(folder)/\(Identity.fileName)"
    output.console.result(["id": id, "path": path], text: "\(id)\nkept in \(path)")
  }
}
