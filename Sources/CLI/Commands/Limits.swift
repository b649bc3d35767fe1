// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct Limits: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print every limit: what is larger is refused, with a message.",
    discussion: """
      Examples:
        ferry limits
        ferry limits --json            one object a limit

      Exit codes: 0 printed, 64 wrong usage.
      """)

  @OptionGroup var output: OutputOptions

  func run() {
    let console = output.console
    if console.format == .json {
      for limit in Limit.all { console.emit(json: limit) }
      return
    }
    var table = TextTable([
      ("LIMIT", .leading), ("VALUE", .trailing), ("UNIT", .leading), ("MEANING", .leading),
    ])
    for limit in Limit.all {
      table.add([limit.name, "\(limit.value)", limit.unit, limit.meaning])
    }
    Terminal.write(table.text, to: .standardOutput)
  }
}
