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

/// One limit of the product. Rooms name theirs where they are used; this is the list of them.
package struct Limit: Codable, Equatable, Sendable {
  package let name: String
  package let value: Int
  package let unit: String
  package let meaning: String

  package static var all: [Limit] {
    [
      Limit(
        name: "configuration-file", value: ConfigurationLoader.fileBytesMax, unit: "bytes",
        meaning: "the largest run.toml"),
      Limit(
        name: "configuration-text", value: ConfigurationKey.textBytesMax, unit: "bytes",
        meaning: "the longest text of a key"),
      Limit(
        name: "run-name", value: RunConfiguration.nameBytesMax, unit: "bytes",
        meaning: "the longest name of a run"),
      Limit(
        name: "event-log", value: EventReader.fileBytesMax, unit: "bytes",
        meaning: "the largest event log a report reads"),
      Limit(
        name: "event-line", value: EventReader.lineBytesMax, unit: "bytes",
        meaning: "the longest line of an event log"),
      Limit(
        name: "event-logs", value: EventReader.filesMax, unit: "files",
        meaning: "the most event logs in a run's folder"),
      Limit(
        name: "metrics", value: PrometheusRegistry.seriesMax, unit: "series",
        meaning: "the most metrics of one process"),
      Limit(
        name: "control-answer", value: ControlClient.answerBytesMax, unit: "bytes",
        meaning: "the longest answer of a run to `ferry status`"),
    ]
  }
}
