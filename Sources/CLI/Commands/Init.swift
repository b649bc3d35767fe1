// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct Init: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a configuration file in which every key is explained.",
    discussion: """
      Examples:
        ferry init run.toml            write it; never over a file that is there
        ferry init run.toml --force    write it over one
        ferry init - | less            only look at it

      Exit codes: 0 written, 1 could not write, 2 the file is there already, 64 wrong
      usage.
      """)

  @Argument(help: "Where to write; '-' prints it.", completion: .file())
  var path = "run.toml"

  @Flag(help: "Write over a file that is there.")
  var force = false

  @OptionGroup var output: OutputOptions

  func run() throws {
    if path == "-" {
      Terminal.write(ConfigurationTemplate.text, to: .standardOutput)
      return
    }
    guard force || !FileManager.default.fileExists(atPath: path) else {
      throw CLIError(
        .fileExists, what: "the file is there already", place: path,
        remedy: "Choose another name, or write over it with --force.")
    }
    try BoundedFile.write(ConfigurationTemplate.text, to: path)
    output.console.result(
      ["written": path],
      text: "Wrote \(path). Read it, change it, then: ferry train \(path)")
  }
}
