// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct Checkpoint: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look at what runs keep on disk.",
    subcommands: [CheckpointList.self, CheckpointVerify.self])
}

struct CheckpointList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the checkpoints in a folder, oldest first.",
    discussion: """
      Examples:
        ferry checkpoint list runs/one/checkpoints
        ferry checkpoint list runs/one/checkpoints --json     one object a checkpoint

      Exit codes: 0 listed, 1 failed, 2 no such folder, 64 wrong usage.
      """)

  @Argument(help: "A folder of checkpoints, or of a run.", completion: .directory)
  var folder: String

  @OptionGroup var output: OutputOptions

  func run() throws {
    let found = try RunSession.checkpoints(in: folder)
    let console = output.console
    if console.format == .json {
      for checkpoint in found { console.emit(json: checkpoint) }
      return
    }
    var table = TextTable([
      ("ROUND", .trailing), ("RUN", .leading), ("SIZE", .trailing), ("SHA-256", .leading),
      ("PATH", .leading),
    ])
    for one in found {
      table.add([
        "\(one.round)", one.run, Quantity.bytes(one.bytes), String(one.hash.prefix(12)),
        one.problem.map { "\(one.path): \($0)" } ?? one.path,
      ])
    }
    Terminal.write(table.text, to: .standardOutput)
  }
}

struct CheckpointVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Recompute every hash of a checkpoint, and audit its ledger.",
    discussion: """
      Examples:
        ferry checkpoint verify runs/one/checkpoints/step-00003000

      Exit codes: 0 sound, 1 broken, 2 not a checkpoint, 64 wrong usage.
      """)

  @Argument(
    help: "A checkpoint, or a folder of checkpoints or of a run: then its newest.",
    completion: .directory)
  var path: String

  @OptionGroup var output: OutputOptions

  func run() throws {
    let verification = try RunSession.verify(checkpoint: path)
    let console = output.console
    console.result(verification, text: Check.text(verification.checks))
    let broken = verification.checks.count { $0.verdict == .fail }
    guard broken == 0 else {
      throw CLIError(
        .checkpointBroken, what: "\(broken) of \(verification.checks.count) checks failed",
        place: path, remedy: "Resume from an older checkpoint; this one cannot be trusted.")
    }
  }
}
