// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure this machine and this build.",
    discussion: """
      Examples:
        ferry bench collectives  an all-reduce over loopback against bare sockets
        ferry bench recovery           from a kill to the next round, many times
        ferry bench strategies   loss and bytes of each at equal tokens

      Exit codes: 0 measured, 1 failed, 64 wrong usage.
      """)

  enum Subject: String, ExpressibleByArgument, CaseIterable { case collectives, recovery, strategies }

  @Argument(help: "What to measure: collectives, recovery or strategies.")
  var subject: Subject

  @OptionGroup var strategies: StrategiesBench.Options
  @OptionGroup var output: OutputOptions

  func run() async throws {
    if subject == .strategies {
      let (options, console) = (strategies, output.console)
      return try await RunSession.onThread {
        try StrategiesBench(options, console: console).run()
      }
    }
    try await RunSession.bench(subject.rawValue, console: output.console)
  }
}
