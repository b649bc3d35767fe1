// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerryPeers
import Foundation

/// What all peers of a run have alike, as a newcomer gets it from the group: `section.key` to value.
struct RunCharter {
  static let bytesMax = 64 << 10
  private static let textFact = "fact.text"

  private let values: [String: String]
  private let place: String

  init(_ setup: RunSetup) {
    var values = [Self.textFact: setup.corpus.fingerprint.description]
    for key in ConfigurationKey.all where key.scope == .everyPeer {
      values[key.path] = setup.configuration.resolved[key.path].value.charterText
    }
    self.values = values
    place = "this peer"
  }

  /// Reads what a peer sent.
  init(_ bytes: [UInt8], of line: JoinLine) throws(CLIError) {
    place = "\(line.address), run \(line.run)"
    guard bytes.count <= Self.bytesMax,
      let values = try? JSONDecoder().decode([String: String].self, from: Foundation.Data(bytes))
    else {
      throw CLIError(
        .configurationSyntax, what: "the run's description cannot be read", place: place,
        remedy: "Check that all peers run the same version of ferry.")
    }
    self.values = values
  }

  var bytes: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    // A dictionary of texts always encodes.
    return (try? encoder.encode(values)).map(Array.init) ?? []
  }

  /// This machine's configuration with the run's values.
  ///
  /// - Throws: `.configurationConflict` when a value given here on purpose is another.
  func configuration(from own: RunConfiguration) throws -> RunConfiguration {
    var resolved = own.resolved
    var conflicts: [String] = []
    for key in ConfigurationKey.all where key.scope == .everyPeer {
      guard let text = values[key.path], let value = key.value(charterText: text) else {
        throw CLIError(
          .configurationUnknownKey, what: "the run does not say what \(key.path) is",
          place: place, remedy: "Check that all peers run the same version of ferry.")
      }
      let mine = resolved[key.path]
      if mine.source != .fallback, mine.value != value {
        conflicts.append("\(key.path) is \(mine.value) here and \(value) there")
      }
      try resolved.set(key, to: value, from: .file("the run", line: nil))
    }
    guard conflicts.isEmpty else {
      throw CLIError(
        .configurationConflict, what: conflicts.joined(separator: "; "), place: place,
        remedy: "Leave these keys out: a newcomer takes them from the run.")
    }
    return try RunConfiguration(resolved)
  }

  /// - Throws: `.textDiffers`.
  func requireSameText(as setup: RunSetup) throws(CLIError) {
    let mine = setup.corpus.fingerprint.description
    guard let theirs = values[Self.textFact], theirs != mine else { return }
    throw CLIError(
      .textDiffers,
      what: "the text here has SHA-256 \(mine.prefix(12))…, the run's \(theirs.prefix(12))…",
      place: setup.corpus.name,
      remedy: "Give the same text as the other peers, with --text or data.text.")
  }
}

extension ConfigurationValue {
  fileprivate var charterText: String {
    switch self {
    case .whole(let number): "\(number)"
    case .real(let number): "\(number)"
    case .text(let text): text
    case .list(let items): items.joined(separator: ",")
    }
  }
}

extension ConfigurationKey {
  fileprivate func value(charterText text: String) -> ConfigurationValue? {
    switch kind {
    case .whole: Int(text).map { .whole($0) }
    case .real: Double(text).map { .real($0) }
    case .text, .choice: .text(text)
    case .list: .list(text.isEmpty ? [] : text.split(separator: ",").map(String.init))
    }
  }
}
