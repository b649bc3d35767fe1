// SPDX-License-Identifier: Apache-2.0

import Foundation
import TOMLKit

/// Reads a run's configuration: flags over environment over file over defaults.
package struct ConfigurationLoader: Sendable {
  /// The file's name as the user gave it, and what it holds; nil for no file.
  package var file: (name: String, text: String)?
  package var environment: [String: String] = [:]
  /// `section.key=value`, in the order given; later ones win.
  package var settings: [String] = []

  package init(
    file: (name: String, text: String)? = nil, environment: [String: String] = [:],
    settings: [String] = []
  ) {
    self.file = file
    self.environment = environment
    self.settings = settings
  }

  /// The largest configuration file that is read, in bytes.
  package static let fileBytesMax = 1 << 20

  /// A loader for a file on disk.
  ///
  /// - Throws: `.fileUnreadable`.
  package static func reading(
    path: String?, environment: [String: String], settings: [String]
  ) throws(CLIError) -> ConfigurationLoader {
    guard let path else {
      return ConfigurationLoader(environment: environment, settings: settings)
    }
    let bytes = try BoundedFile.read(
      path, bytesMax: fileBytesMax, remedy: "`ferry init \(path)` writes one.")
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CLIError(
        .fileUnreadable, what: "the configuration is not UTF-8 text", place: path,
        remedy: "`ferry init` writes one to start from.")
    }
    return ConfigurationLoader(
      file: (path, text), environment: environment, settings: settings)
  }

  /// Reads, checks and puts together.
  ///
  /// - Throws: every `.configuration…` code, each naming the file's line, variable or flag.
  package func load() throws(CLIError) -> RunConfiguration {
    var resolved = ResolvedConfiguration()
    try addFile(to: &resolved)
    try addEnvironment(to: &resolved)
    for setting in settings { try add(setting: setting, to: &resolved) }
    return try RunConfiguration(resolved)
  }

  // MARK: - File

  private func addFile(to resolved: inout ResolvedConfiguration) throws(CLIError) {
    guard let file else { return }
    let lines = TOMLLines(file.text)
    let table = try parse(file.text, name: file.name)
    for section in table.keys {
      let line = lines.line(section: section, key: nil)
      guard ConfigurationKey.sections.contains(where: { $0.name == section }) else {
        throw unknownSection(section, place: place(file.name, line))
      }
      guard let inner = table[section]?.table else {
        throw CLIError(
          .configurationWrongType, what: "[\(section)] must be a section, got a value",
          place: place(file.name, lines.line(section: "", key: section)),
          remedy: "Write [\(section)] on a line of its own, and its keys below it.")
      }
      for name in inner.keys {
        let line = lines.line(section: section, key: name)
        guard let key = Self.key(section, name) else {
          throw Self.unknownKey(section, name, place: place(file.name, line))
        }
        let source = ResolvedConfiguration.Source.file(file.name, line: line)
        guard let node = inner[name], let value = Self.value(node) else {
          throw CLIError(
            .configurationWrongType, what: "\(key.path) must be \(key.expectation)",
            place: source.description, remedy: "`ferry init` writes a file that explains every key."
          )
        }
        try resolved.set(key, to: value, from: source)
      }
    }
  }

  private func parse(_ text: String, name: String) throws(CLIError) -> TOMLTable {
    do {
      return try TOMLTable(string: text)
    } catch {
      let parse = error as? TOMLParseError
      let begin = parse?.source.begin
      throw CLIError(
        .configurationSyntax, what: parse?.description ?? "not TOML",
        place: begin.map { "\(name):\($0.line):\($0.column)" } ?? name,
        remedy: "Correct this line; texts stand in quotes, and each key once.")
    }
  }

  private static func value(_ node: any TOMLValueConvertible) -> ConfigurationValue? {
    switch node.type {
    case .int: return node.int.map(ConfigurationValue.whole)
    case .double: return node.double.flatMap { $0.isFinite ? .real($0) : nil }
    case .string: return node.string.map(ConfigurationValue.text)
    case .array:
      guard let array = node.array else { return nil }
      var items: [String] = []
      for item in array {
        guard let text = item.string else { return nil }
        items.append(text)
      }
      return .list(items)
    default: return nil
    }
  }

  private func place(_ name: String, _ line: Int?) -> String {
    line.map { "\(name):\($0)" } ?? name
  }

  // MARK: - Environment and flags

  private func addEnvironment(to resolved: inout ResolvedConfiguration) throws(CLIError) {
    for (name, raw) in environment.sorted(by: { $0.key < $1.key }) {
      let section = ConfigurationKey.sections.first {
        name.hasPrefix("FERRY_\($0.name.uppercased())_")
      }
      guard let section else { continue }
      let known = ConfigurationKey.all.first { $0.environmentName == name }
      guard let key = known else {
        let written = name.dropFirst("FERRY_\(section.name)_".count).lowercased()
        throw Self.unknownKey(section.name, written, place: "environment \(name)")
      }
      let source = ResolvedConfiguration.Source.environment(name)
      try resolved.set(key, to: Self.value(raw, for: key), from: source)
    }
  }

  private func add(
    setting: String, to resolved: inout ResolvedConfiguration
  ) throws(CLIError) {
    let flag = "--set \(setting)"
    let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, path.count == 2 else {
      throw CLIError(
        .configurationSyntax, what: "\"\(setting)\" is not section.key=value", place: flag,
        remedy: "Write it like --set train.batch=16.")
    }
    let (section, name) = (String(path[0]), String(path[1]))
    guard ConfigurationKey.sections.contains(where: { $0.name == section }) else {
      throw unknownSection(section, place: flag)
    }
    guard let key = Self.key(section, name) else {
      throw Self.unknownKey(section, name, place: flag)
    }
    try resolved.set(key, to: Self.value(String(parts[1]), for: key), from: .flag(flag))
  }

  /// A bare word from a shell, in the type that the key has, or as text, which `set` then refuses.
  private static func value(_ raw: String, for key: ConfigurationKey) -> ConfigurationValue {
    switch key.kind {
    case .whole: return Int(raw).map(ConfigurationValue.whole) ?? .text(raw)
    case .real:
      if let number = Double(raw), number.isFinite { return .real(number) }
      return .text(raw)
    case .text, .choice: return .text(raw)
    case .list:
      return .list(
        raw.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
    }
  }

  // MARK: - Names

  private static func key(_ section: String, _ name: String) -> ConfigurationKey? {
    ConfigurationKey.all.first { $0.section == section && $0.name == name }
  }

  private func unknownSection(_ section: String, place: String) -> CLIError {
    let names = ConfigurationKey.sections.map(\.name)
    let near = nearest(to: section, among: names)
    return CLIError(
      .configurationUnknownKey, what: "there is no section [\(section)]", place: place,
      remedy: near.map { "Did you mean [\($0)]?" }
        ?? "Sections are " + names.map { "[\($0)]" }.joined(separator: ", ") + ".")
  }

  private static func unknownKey(_ section: String, _ name: String, place: String) -> CLIError {
    let here = ConfigurationKey.all.filter { $0.section == section }.map(\.name)
    let remedy: String
    if let elsewhere = ConfigurationKey.all.first(where: { $0.name == name }) {
      remedy = "\"\(name)\" belongs in [\(elsewhere.section)]."
    } else if let near = nearest(to: name, among: here) {
      remedy = "Did you mean \"\(near)\"?"
    } else {
      remedy = "Keys of [\(section)] are " + here.joined(separator: ", ") + "."
    }
    return CLIError(
      .configurationUnknownKey, what: "[\(section)] has no key \"\(name)\"", place: place,
      remedy: remedy)
  }
}
