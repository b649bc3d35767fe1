// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
package import FerryBasics
import Foundation

/// How a command talks: results on stdout, all else on stderr.
package struct Console: Sendable {
  package enum Format: Sendable { case text, json }

  package let format: Format
  /// Whether a live display and color are welcome on stderr.
  package let isLive: Bool
  package let hasColor: Bool
  /// Columns of the terminal.
  package let width: Int

  package init(format: Format, isLive: Bool, hasColor: Bool, width: Int = 80) {
    self.format = format
    self.isLive = isLive
    self.hasColor = hasColor
    self.width = width
  }

  /// For this process: live only on a TTY, without `CI`, `TERM=dumb` and `--json`.
  package static func standard(
    format: Format, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> Console {
    let isTerminal = Terminal.isTerminal(.standardError)
    let isLive =
      isTerminal && format == .text && environment["CI", default: ""].isEmpty
      && environment["TERM"] != "dumb"
    return Console(
      format: format, isLive: isLive,
      hasColor: isLive && environment["NO_COLOR", default: ""].isEmpty,
      width: Terminal.width(.standardError) ?? 80)
  }

  /// Prints a result: `text` for people, or `value` as one JSON object on one line.
  package func result(_ value: some Encodable, text: @autoclosure () -> String) {
    switch format {
    case .json: emit(json: value)
    case .text:
      let text = text()
      Terminal.write(text.hasSuffix("\n") ? text : text + "\n", to: .standardOutput)
    }
  }

  /// Prints one object on a line of stdout.
  package func emit(json value: some Encodable) {
    Terminal.write(Self.json(value) + "\n", to: .standardOutput)
  }

  /// Tells people something on stderr; says nothing with `--json`.
  package func note(_ text: String) {
    if format == .text { Terminal.write(text + "\n", to: .standardError) }
  }

  /// Tells why the command stops: a sentence on stderr, or an object on stdout.
  package func report(_ error: some FerryError) {
    switch format {
    case .json: emit(json: ErrorObject(error))
    case .text: Terminal.write("ferry: \(error.description)\n", to: .standardError)
    }
  }

  /// One object a line: sorted keys in snake case, so that scripts find what they found before.
  package static func json(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let data = try? encoder.encode(value) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }
}

/// `{"error":{"code":…,"place":…,"remedy":…,"what":…}}`.
package struct ErrorObject: Codable, Equatable, Sendable {
  package struct Body: Codable, Equatable, Sendable {
    package let code: String
    package let what: String
    package let place: String
    package let remedy: String
  }

  package let error: Body

  package init(_ error: some FerryError) {
    self.error = Body(
      code: error.codeName, what: error.what, place: error.place, remedy: error.remedy)
  }
}

/// The flags that every command has.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print JSON, one object a line, with stable keys; errors too.")
  var json = false

  var console: Console { Console.standard(format: json ? .json : .text) }
}
