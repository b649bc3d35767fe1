// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Look at the configuration.",
    subcommands: [ConfigShow.self])
}

struct ConfigShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print every value, and where it came from.",
    discussion: """
      Flags win over the environment (FERRY_TRAIN_BATCH=16), which wins over the
      file, which wins over the defaults. The digest is what peers compare before
      they work together.

      Examples:
        ferry config show                             the defaults
        ferry config show run.toml --set train.batch=16
        ferry config show run.toml --json | jq .train.batch

      Exit codes: 0 fine, 2 bad configuration, 64 wrong usage.
      """)

  @Argument(help: "The configuration file; without one, defaults.", completion: .file())
  var path: String?

  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let resolved = try options.load(path: path).resolved
    output.console.result(
      ConfigurationListing(resolved), text: ConfigurationListing(resolved).text)
  }
}

/// What `ferry config show` prints.
package struct ConfigurationListing: Encodable, Sendable {
  private let resolved: ResolvedConfiguration

  package init(_ resolved: ResolvedConfiguration) { self.resolved = resolved }

  package var text: String {
    var table = TextTable([("KEY", .leading), ("VALUE", .leading), ("FROM", .leading)])
    for key in ConfigurationKey.all {
      let entry = resolved[key.path]
      table.add([key.path, entry.value.description, entry.source.description])
    }
    return table.text + "\ndigest  \(resolved.digest())\n"
  }

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private struct Entry: Encodable {
    let value: ConfigurationValue
    let source: String

    enum CodingKeys: CodingKey { case value, source }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      switch value {
      case .whole(let number): try container.encode(number, forKey: .value)
      case .real(let number): try container.encode(number, forKey: .value)
      case .text(let text): try container.encode(text, forKey: .value)
      case .list(let items): try container.encode(items, forKey: .value)
      }
      try container.encode(source, forKey: .source)
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var root = encoder.container(keyedBy: Name.self)
    for section in ConfigurationKey.sections {
      var inner = root.nestedContainer(
        keyedBy: Name.self, forKey: Name(stringValue: section.name))
      for key in ConfigurationKey.all where key.section == section.name {
        let entry = resolved[key.path]
        try inner.encode(
          Entry(value: entry.value, source: entry.source.description),
          forKey: Name(stringValue: key.name))
      }
    }
    try root.encode(resolved.digest(), forKey: Name(stringValue: "digest"))
  }
}
