// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A block of shell commands in a document.
struct ShellBlock {
  let path: String
  /// The line of the first command, from 1.
  let line: Int
  /// Marked "```sh run": cheap, and leaves nothing outside its folder.
  let runs: Bool
  let commands: [Substring]

  /// All blocks that begin with "```sh".
  static func all(in file: House.File) -> [ShellBlock] {
    var blocks: [ShellBlock] = []
    var open: (line: Int, runs: Bool, commands: [Substring])?
    for (number, line) in file.lines.enumerated() {
      if let block = open {
        if line.hasPrefix("```") {
          blocks.append(
            ShellBlock(
              path: file.path, line: block.line, runs: block.runs, commands: block.commands))
          open = nil
        } else {
          open?.commands.append(line)
        }
      } else if line == "```sh" || line == "```sh run" {
        open = (number + 2, line == "```sh run", [])
      }
    }
    return blocks
  }

  /// Its calls of `ferry`: the words after the name, up to a comment, a pipe or a placeholder.
  var ferryCalls: [[String]] {
    commands.compactMap { line in
      let words = line.split(separator: " ").map(String.init)
      guard words.first == "ferry" else { return nil }
      return Array(words.dropFirst().prefix { !["#", "|", ">", "&&", ";", "&"].contains($0) })
    }
  }
}

/// What a program that was run said.
struct Answer {
  let status: Int32
  let text: String

  /// Runs a program to its end; both of its outputs together.
  static func of(
    _ program: String, _ arguments: [String], folder: URL, path: String? = nil
  ) throws -> Answer {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("FERRY_") }
    if let path { environment["PATH"] = "\(path):\(environment["PATH"] ?? "/usr/bin:/bin")" }
    environment["HOME"] = folder.path
    process.environment = environment
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Answer(status: process.terminationStatus, text: text)
  }
}
