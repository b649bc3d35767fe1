// SPDX-License-Identifier: Apache-2.0

import Foundation

/// On which line each key of a TOML text stands.
///
/// The parser tells lines of syntax errors only; a value that parses but cannot be used needs its
/// line too. Knows `[section]` and `key = …` lines, which is what configuration files consist of;
/// for other spellings (`a.b = 1`, inline tables) it finds no line, and messages name the file.
struct TOMLLines {
  private var lines: [String: Int] = [:]

  init(_ text: String) {
    var section = ""
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let trimmed = line.trimmingCharacters(in: .whitespaces)
      if trimmed.hasPrefix("["), let end = trimmed.firstIndex(of: "]") {
        section = trimmed[trimmed.index(after: trimmed.startIndex)..<end]
          .trimmingCharacters(in: .whitespaces)
        lines["[\(section)]", default: number + 1] = lines["[\(section)]"] ?? number + 1
      } else if let equals = trimmed.firstIndex(of: "="), !trimmed.hasPrefix("#") {
        let key = trimmed[..<equals].trimmingCharacters(in: CharacterSet(charactersIn: " \t\"'"))
        let path = "\(section).\(key)"
        lines[path] = lines[path] ?? number + 1
      }
    }
  }

  /// The line of a key, or of a section's head when `key` is nil; counted from 1.
  func line(section: String, key: String?) -> Int? {
    lines[key.map { "\(section).\($0)" } ?? "[\(section)]"]
  }
}
