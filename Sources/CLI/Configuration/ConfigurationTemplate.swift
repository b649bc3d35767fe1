// SPDX-License-Identifier: Apache-2.0

/// The commented file that `ferry init` writes: every key, explained, at its default.
package enum ConfigurationTemplate {
  /// TOML that loads without an error and changes nothing.
  package static var text: String {
    var out = """
      # A run of ferry: what is trained, on what, by whom.
      #
      #   ferry train run.toml     starts the first peer, and prints the line that others join with
      #   ferry config show        prints every value and where it came from
      #
      # A flag (--set train.batch=16) wins over an environment variable (FERRY_TRAIN_BATCH=16),
      # which wins over this file, which wins over the defaults written here.

      """
    for section in ConfigurationKey.sections {
      out += "\n# \(section.title)\n[\(section.name)]\n"
      for key in ConfigurationKey.all where key.section == section.name {
        out += "\n"
        for line in key.explanation.split(separator: "\n") { out += "# \(line)\n" }
        if let range = key.rangeComment { out += "# \(range)\n" }
        out += "\(key.name) = \(key.fallback)\n"
      }
    }
    return out
  }
}

extension ConfigurationKey {
  /// What may be written, where the explanation does not say it already.
  fileprivate var rangeComment: String? {
    switch kind {
    case .whole, .real: expectation.prefix(1).uppercased() + expectation.dropFirst() + "."
    case .choice(let names) where names.count > 1:
      expectation.prefix(1).uppercased() + expectation.dropFirst() + "."
    case .text, .choice, .list: nil
    }
  }
}
