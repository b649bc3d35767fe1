// SPDX-License-Identifier: Apache-2.0

/// One thing that was looked at, and how it stands.
package struct Check: Codable, Equatable, Sendable {
  package enum Verdict: String, Codable, Sendable { case ok, warn, fail }

  package var name: String
  package var verdict: Verdict
  /// What was found, with the numbers.
  package var found: String
  /// What to do; empty when nothing needs to be done.
  package var remedy: String

  package init(name: String, verdict: Verdict, found: String, remedy: String = "") {
    self.name = name
    self.verdict = verdict
    self.found = found
    self.remedy = remedy
  }

  package static func ok(_ name: String, _ found: String) -> Check {
    Check(name: name, verdict: .ok, found: found)
  }

  package static func warn(_ name: String, _ found: String, remedy: String) -> Check {
    Check(name: name, verdict: .warn, found: found, remedy: remedy)
  }

  package static func fail(_ name: String, _ found: String, remedy: String) -> Check {
    Check(name: name, verdict: .fail, found: found, remedy: remedy)
  }

  /// The lines for a terminal: a verdict, a name and a finding each, remedies below.
  package static func text(_ checks: [Check], hasColor: Bool = false) -> String {
    let width = checks.map(\.name.count).max() ?? 0
    return checks.map { check in
      let word = check.verdict.rawValue.padding(toWidth: 4)
      let name = check.name.padding(toWidth: width)
      let first = "\(hasColor ? check.verdict.colored(word) : word)  \(name)  \(check.found)\n"
      let indent = String(repeating: " ", count: width + 8)
      return check.remedy.isEmpty ? first : first + indent + check.remedy + "\n"
    }.joined()
  }
}

extension Check.Verdict {
  fileprivate func colored(_ word: String) -> String {
    let code =
      switch self {
      case .ok: 32
      case .warn: 33
      case .fail: 31
      }
    return "\u{1B}[\(code)m\(word)\u{1B}[0m"
  }
}

extension String {
  fileprivate func padding(toWidth width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
