// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FerryPlanning

struct PlanTransfer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer",
    abstract: "Choose how bytes that lie apart get over a link, from measured times.",
    discussion: """
      Packed into one piece, sent and unpacked; straight from where they lie, many
      blocks a call; or one call a block. The table is what was measured once on
      this machine by Tools/bench/strided-send.sh:

        [{"way": "packed", "bytes": 1024, "block": 4, "seconds": 6e-6}, …]

      Examples:
        ferry plan transfer table.json --bytes 1048576 --block 64
        ferry plan transfer table.json --check others.json --json

      Exit codes: 0 chosen, 2 a file that cannot be used, 64 wrong usage.
      """)

  @Argument(
    help: ArgumentHelp("The measured times, as JSON.", valueName: "table.json"),
    completion: .file(extensions: ["json"]))
  var path: String

  @Option(help: "Of the whole object.") var bytes = 1 << 20
  @Option(help: "Bytes that lie side by side.") var block = 64
  @Option(help: "Other measurements: say how often the table chooses well.") var check: String?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard bytes > 0, block > 0 else {
      throw ValidationError("--bytes and --block must be above 0, got \(bytes) and \(block).")
    }
  }

  func run() throws {
    let table = try TransferTable(TransfersFile.read(path))
    if let check {
      let score = TransferScore(table, try TransfersFile.read(check))
      output.console.result(score, text: score.text)
    } else {
      let plan = TransferPlan(table, bytes: bytes, block: block)
      output.console.result(plan, text: plan.text)
    }
  }
}
