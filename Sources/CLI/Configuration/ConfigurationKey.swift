// SPDX-License-Identifier: Apache-2.0

/// A value of the configuration, before it is put into `RunConfiguration`.
package enum ConfigurationValue: Equatable, Sendable, CustomStringConvertible {
  case whole(Int)
  case real(Double)
  case text(String)
  case list([String])

  /// As it would stand in a TOML file.
  package var description: String {
    switch self {
    case .whole(let value): "\(value)"
    case .real(let value): "\(value)"
    case .text(let value): Self.quoted(value)
    case .list(let values): "[" + values.map(Self.quoted).joined(separator: ", ") + "]"
    }
  }

  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}

/// One key of `run.toml`: its type, range, default and explanation, all in one place.
///
/// The loader, the file `ferry init` writes, `ferry config show` and the digest are made from the
/// table `ConfigurationKey.all`, so a key cannot be read without being explained and checked.
package struct ConfigurationKey: Sendable {
  package enum Kind: Sendable {
    case whole(ClosedRange<Int>)
    case real(ClosedRange<Double>)
    case text
    case choice([String])
    case list
  }

  /// Who must agree on the value.
  package enum Scope: Sendable {
    /// Equal on all peers of a run; part of the digest compared when a peer joins.
    case everyPeer
    /// Each machine's own business.
    case thisPeer
  }

  package let section: String
  package let name: String
  package let kind: Kind
  package let fallback: ConfigurationValue
  package let scope: Scope
  /// What it means, its unit, and how to choose it; written as a comment above the key.
  package let explanation: String

  /// `section.name`, as in `--set train.batch=16`.
  package var path: String { "\(section).\(name)" }

  /// `FERRY_TRAIN_BATCH` for `train.batch`.
  package var environmentName: String { "FERRY_\(section)_\(name)".uppercased() }

  /// What the value must be, for error messages: `a whole number from 1 to 4096`.
  package var expectation: String {
    switch kind {
    case .whole(let range) where range.upperBound == .max:
      "a whole number, \(range.lowerBound) or more"
    case .whole(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .real(let range): "a number from \(short(range.lowerBound)) to \(short(range.upperBound))"
    case .text: "a text in quotes"
    case .choice(let names): "one of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
    case .list: "a list of texts, such as [\"…\", \"…\"]"
    }
  }

  private func short(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
  }
}
