// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check this machine, a configuration, and the way to a run.",
    discussion: """
      One line for each check: ok, warn or fail, and below it what to do.

      Examples:
        ferry doctor
        ferry doctor run.toml                     also its text, port and folder
        ferry doctor --reach 10.0.0.7:7700  also whether that peer can be reached

      Exit codes: 0 nothing failed, 1 something failed, 2 bad configuration, 64 wrong
      usage.
      """)

  @Argument(help: "A configuration to check with.", completion: .file())
  var path: String?

  @Option(
    help: ArgumentHelp(
      "A peer to try to reach: host:port, or a whole join line.", valueName: "address"))
  var reach: String?

  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let reach, Examiner.target(reach) == nil {
      throw ValidationError("--reach must be host:port or a join line, got \"\(reach)\".")
    }
  }

  func run() async throws {
    let configuration = try options.load(path: path)
    let console = output.console
    var examiner = Examiner(
      configuration: configuration, environment: ProcessInfo.processInfo.environment)
    examiner.target = reach.flatMap(Examiner.target)
    let checks = await examiner.examine()
    switch console.format {
    case .json: for check in checks { console.emit(json: check) }
    case .text:
      let hasColor = Terminal.isTerminal(.standardOutput) && console.hasColor
      Terminal.write(Check.text(checks, hasColor: hasColor), to: .standardOutput)
    }
    let failed = checks.count { $0.verdict == .fail }
    guard failed == 0 else {
      throw CLIError(
        .checksFailed, what: "\(failed) of \(checks.count) checks failed", place: "ferry doctor",
        remedy: "Each failed check says what to do.")
    }
  }
}
