// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure this machine and this build.",
    discussion: """
      Examples:
        ferry bench collectives  an all-reduce over loopback against bare sockets
        ferry bench recovery           from a kill to the next round, many times

      Exit codes: 0 measured, 1 failed, 64 wrong usage.
      """)

  enum Subject: String, ExpressibleByArgument, CaseIterable { case collectives, recovery }

  @Argument(help: "What to measure: collectives or recovery.")
  var subject: Subject

  @OptionGroup var output: OutputOptions

  func run() async throws {
    try await RunSession.bench(subject.rawValue, console: output.console)
  }
}
