// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct Generate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a trained model go on with a text.",
    discussion: """
      Examples:
        ferry generate runs/one --prompt "In the beginning "   its newest checkpoint
        ferry generate runs/one/checkpoints/step-00003000
        ferry generate … --count 500 --temperature 0  the likeliest byte every time
        ferry generate … --seed 7  another text, the same every time

      Exit codes: 0 written, 1 failed, 2 not a checkpoint, 64 wrong usage.
      """)

  @Argument(
    help: "A checkpoint, or a folder of checkpoints or of a run: then its newest.",
    completion: .directory)
  var checkpoint: String

  @Option(help: "What to go on with.")
  var prompt = "In the beginning "

  @Option(help: "How many bytes to write, 1 to \(Self.countMax).")
  var count = 300

  @Option(help: "How daring: 0 takes the likeliest byte, 1 draws from the model as it is.")
  var temperature = 0.8

  @Option(help: "Where chance comes from; the same seed writes the same text.")
  var seed: UInt64 = 1

  @OptionGroup var output: OutputOptions

  /// The most bytes one call writes.
  static let countMax = 1_000_000

  func validate() throws {
    guard (1...Self.countMax) ~= count else {
      throw ValidationError("--count must be 1 to \(Self.countMax), got \(count).")
    }
    guard temperature.isFinite, (0...10) ~= temperature else {
      throw ValidationError("--temperature must be 0 to 10, got \(temperature).")
    }
    guard !prompt.isEmpty else { throw ValidationError("--prompt must not be empty.") }
  }

  private struct Result: Encodable {
    let prompt: String
    let text: String
  }

  func run() async throws {
    let console = output.console
    let request = RunSession.GenerateRequest(
      checkpoint: checkpoint, prompt: prompt, count: count, temperature: temperature, seed: seed)
    switch console.format {
    case .text:
      let prompt = prompt
      // Not earlier: what cannot be read must not look like the beginning of a text.
      try await RunSession.generate(request) {
        Terminal.write(prompt, to: .standardOutput)
      } emit: {
        Terminal.write($0, to: .standardOutput)
      }
      Terminal.write("\n", to: .standardOutput)
    case .json:
      let pieces = TextCollector()
      try await RunSession.generate(request, emit: { pieces.append($0) })
      console.emit(json: Result(prompt: prompt, text: pieces.text))
    }
  }
}
