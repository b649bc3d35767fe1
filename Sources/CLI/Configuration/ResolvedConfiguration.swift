// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

/// The value of every key, and where each came from.
package struct ResolvedConfiguration: Equatable, Sendable {
  /// Where a value came from; later cases win over earlier ones.
  package enum Source: Equatable, Sendable {
    case fallback
    /// A file, with the line if it could be found.
    case file(String, line: Int?)
    /// An environment variable.
    case environment(String)
    /// A flag, as it was written.
    case flag(String)

    package var description: String {
      switch self {
      case .fallback: "default"
      case .file(let name, let line): line.map { "\(name):\($0)" } ?? name
      case .environment(let name): "environment \(name)"
      case .flag(let text): "flag \(text)"
      }
    }
  }

  package struct Entry: Equatable, Sendable {
    package let value: ConfigurationValue
    package let source: Source
  }

  private var entries: [String: Entry]

  /// All defaults.
  package init() {
    entries = Dictionary(
      uniqueKeysWithValues: ConfigurationKey.all.map {
        ($0.path, Entry(value: $0.fallback, source: .fallback))
      })
  }

  /// The value and source of a key; the path must be one of `ConfigurationKey.all`.
  package subscript(path: String) -> Entry {
    guard let entry = entries[path] else { preconditionFailure("no key \(path)") }
    return entry
  }

  /// Puts a value in, after checking its type and range.
  ///
  /// - Throws: `.configurationWrongType`, `.configurationOutOfRange`.
  package mutating func set(
    _ key: ConfigurationKey, to value: ConfigurationValue, from source: Source
  ) throws(CLIError) {
    entries[key.path] = Entry(value: try key.checked(value, from: source), source: source)
  }

  /// Where a value stands, for error messages.
  package func place(_ path: String) -> String { "\(path), \(self[path].source.description)" }

  func whole(_ path: String) -> Int {
    guard case .whole(let value) = self[path].value else { preconditionFailure(path) }
    return value
  }

  func real(_ path: String) -> Double {
    guard case .real(let value) = self[path].value else { preconditionFailure(path) }
    return value
  }

  func text(_ path: String) -> String {
    guard case .text(let value) = self[path].value else { preconditionFailure(path) }
    return value
  }

  func optionalText(_ path: String) -> String? {
    let value = text(path)
    return value.isEmpty ? nil : value
  }

  func list(_ path: String) -> [String] {
    guard case .list(let value) = self[path].value else { preconditionFailure(path) }
    return value
  }

  func hostPort(_ path: String) throws(CLIError) -> HostPort {
    guard let address = HostPort(text(path)) else {
      throw CLIError(
        .configurationWrongType,
        what: "\(path) must be host:port, got \(self[path].value)",
        place: self[path].source.description,
        remedy: "Write it like \"0.0.0.0:7700\" or \"[::]:7700\".")
    }
    return address
  }

  /// What peers compare before they work together: SHA-256, in hex, over the keys whose scope is
  /// `.everyPeer`, and over facts found out on each machine, such as the hash of the text.
  ///
  /// Stable over releases that do not change the table: sorted lines `path=value`.
  package func digest(facts: [String: String] = [:]) -> String {
    var lines = ConfigurationKey.all.filter { $0.scope == .everyPeer }
      .map { "\($0.path)=\(self[$0.path].value)" }
    lines += facts.map { "fact.\($0.key)=\(ConfigurationValue.text($0.value))" }
    let text = lines.sorted().joined(separator: "\n")
    return SHA256.hash(data: Foundation.Data(text.utf8)).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }

  /// The keys whose values make two digests differ, for the message a refused peer gets.
  package func differences(from other: ResolvedConfiguration) -> [String] {
    ConfigurationKey.all
      .filter { $0.scope == .everyPeer && self[$0.path].value != other[$0.path].value }
      .map { "\($0.path) is \(self[$0.path].value) here and \(other[$0.path].value) there" }
  }
}

extension ConfigurationKey {
  /// The value in the key's own type, if it may have it.
  func checked(
    _ value: ConfigurationValue, from source: ResolvedConfiguration.Source
  ) throws(CLIError) -> ConfigurationValue {
    switch (kind, value) {
    case (.whole(let range), .whole(let number)):
      guard range.contains(number) else { throw outOfRange(value, source) }
      return value
    case (.real(let range), .whole(let number)):
      guard range.contains(Double(number)) else { throw outOfRange(value, source) }
      return .real(Double(number))
    case (.real(let range), .real(let number)):
      guard range.contains(number) else { throw outOfRange(value, source) }
      return value
    case (.text, .text(let text)), (.choice, .text(let text)):
      guard text.utf8.count <= Self.textBytesMax, !text.unicodeScalars.contains("\0") else {
        throw outOfRange(.text(String(text.prefix(20)) + "…"), source)
      }
      if case .choice(let names) = kind, !names.contains(text) { throw outOfRange(value, source) }
      return value
    case (.list, .list(let items)):
      guard items.count <= Self.listItemsMax else { throw outOfRange(value, source) }
      return value
    default:
      throw CLIError(
        .configurationWrongType, what: "\(path) must be \(expectation), got \(value.kindName)",
        place: source.description, remedy: Self.remedy)
    }
  }

  private func outOfRange(
    _ value: ConfigurationValue, _ source: ResolvedConfiguration.Source
  ) -> CLIError {
    var remedy = Self.remedy
    if case .choice(let names) = kind, case .text(let text) = value,
      let near = nearest(to: text, among: names)
    {
      remedy = "Did you mean \"\(near)\"?"
    }
    return CLIError(
      .configurationOutOfRange, what: "\(path) must be \(expectation), got \(value)",
      place: source.description, remedy: remedy)
  }

  private static let remedy = "`ferry init` writes a file that explains every key."
  /// The longest text a key takes, in bytes.
  package static let textBytesMax = 4096
  /// The longest list a key takes.
  package static let listItemsMax = 1024
}

extension ConfigurationValue {
  fileprivate var kindName: String {
    switch self {
    case .whole, .real: "the number \(self)"
    case .text: "the text \(self)"
    case .list: "a list"
    }
  }
}
