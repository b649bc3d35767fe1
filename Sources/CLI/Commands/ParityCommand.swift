// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct ParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parity",
    abstract: "Compare two sets of tensors bit for bit, and name what differs first.",
    discussion: """
      Each side is a checkpoint, a folder of checkpoints or of a run (then its
      newest), a .safetensors or .npy file, or a folder of .npy files. Of a
      checkpoint the shared state and the ledger are compared, which all members of
      a round must have alike; --local adds what is each peer's own.

      Bits decide: two zeros of other sign differ, and two NaN of other payload, too.

      Examples:
        ferry parity runs/one runs/two
        ferry parity runs/one/checkpoints/step-00003000 b/checkpoints/step-00003000
        ferry parity a.safetensors b.safetensors --json

      Exit codes: 0 equal, 1 different, 2 one of them cannot be read, 64 wrong usage.
      """)

  @Argument(help: "The one.", completion: .file()) var first: String
  @Argument(help: "The other.", completion: .file()) var second: String
  @Flag(help: "Of checkpoints also what is each peer's own.") var local = false
  @OptionGroup var output: OutputOptions

  func run() throws {
    let report = try ParityReport(
      TensorShelf(first, local: local), TensorShelf(second, local: local))
    output.console.result(report, text: report.text)
    guard report.isEqual else { throw ExitCode(ExitStatus.failed.rawValue) }
  }
}
