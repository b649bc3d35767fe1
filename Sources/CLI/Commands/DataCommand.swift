// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Texts to learn from.",
    subcommands: [DataFetch.self, DataList.self])
}

struct DataFetch: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch", abstract: "Bring a text, check it, and keep it.",
    discussion: """
      Once is enough: what is there and has the right checksum is not brought again.
      Any text file or folder of your own works as well: data.text = "~/books".

      Examples:
        ferry data fetch             the King James Bible, 4.1 MB of English
        ferry data fetch kjv --json

      Exit codes: 0 it is there, 1 could not be brought, 2 no such text, 64 wrong
      usage.
      """)

  @Argument(help: "Which text: kjv.")
  var name = "kjv"

  @OptionGroup var output: OutputOptions

  func run() throws {
    let shelf = TextShelf(environment: ProcessInfo.processInfo.environment)
    let entry = try shelf.fetch(name) { output.console.note($0) }
    output.console.result(
      entry, text: "\(entry.name)  \(Quantity.bytes(entry.bytes))  \(entry.path)")
  }
}

struct DataList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the texts that are there.",
    discussion: """
      Examples:
        ferry data list
        ferry data list --json     one object a text

      Exit codes: 0 listed, 64 wrong usage.
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    let entries = TextShelf(environment: ProcessInfo.processInfo.environment).entries()
    let console = output.console
    if console.format == .json {
      for entry in entries { console.emit(json: entry) }
      return
    }
    if entries.isEmpty {
      console.note("No text is there yet; `ferry data fetch` brings one.")
      return
    }
    var table = TextTable([("NAME", .leading), ("SIZE", .trailing), ("PATH", .leading)])
    for entry in entries { table.add([entry.name, Quantity.bytes(entry.bytes), entry.path]) }
    Terminal.write(table.text, to: .standardOutput)
  }
}
