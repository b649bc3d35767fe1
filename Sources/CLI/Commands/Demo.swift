// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct Demo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "See it work: four peers, two of them killed, one new, one report.",
    discussion: """
      Starts four peers as processes of their own, connected over real TCP on
      loopback, that train a small GPT on real English text. Kills one with SIGKILL,
      lets a new one join and catch up from its fellows, then kills the coordinator.
      At the end prints what was learnt, sent and lost, and writes report.html. Takes
      about five minutes on two cores.

      Examples:
        ferry demo
        ferry demo --quick             one minute, a smaller model
        ferry demo --out demo/ --set train.inner_steps=50

      Exit codes: 0 all peers ended with equal parameters, 1 something failed, 2 bad
      configuration, 64 wrong usage, 130 interrupted.
      """)

  @Flag(help: "A smaller model for a minute.")
  var quick = false

  @Option(
    help: ArgumentHelp(
      "Where everything goes; without it, the report into this folder and the rest into demo/.",
      valueName: "folder"),
    completion: .directory)
  var out: String?

  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let console = output.console
    let plan = try DemoPlan(
      quick: quick, folder: out ?? "demo", report: out == nil ? "report.html" : nil,
      settings: options.allSettings)
    try await DemoDriver(plan: plan, console: console).run()
  }
}
