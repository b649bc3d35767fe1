// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ferry

@Suite("Configuration template")
struct ConfigurationTemplateTests {
  @Test("loads, and changes nothing but where values come from")
  func isNeutral() throws {
    let written = try ConfigurationLoader(file: ("run.toml", ConfigurationTemplate.text)).load()
    let fallback = try ConfigurationLoader().load()
    for key in ConfigurationKey.all {
      #expect(written.resolved[key.path].value == fallback.resolved[key.path].value, "\(key.path)")
      guard case .file(_, line: .some) = written.resolved[key.path].source else {
        Issue.record("\(key.path) has no line")
        continue
      }
    }
  }

  @Test("explains every key above it")
  func explainsAll() {
    let lines = ConfigurationTemplate.text.split(
      separator: "\n", omittingEmptySubsequences: false)
    for key in ConfigurationKey.all {
      let at = lines.firstIndex { $0.hasPrefix("\(key.name) = ") }
      #expect(at != nil, "\(key.path)")
      if let at { #expect(lines[at - 1].hasPrefix("# "), "\(key.path)") }
    }
    #expect(lines.allSatisfy { $0.count <= 100 })
  }

  @Test("every section of the table has keys, and every key a section")
  func tableIsWhole() {
    let sections = Set(ConfigurationKey.sections.map(\.name))
    #expect(Set(ConfigurationKey.all.map(\.section)) == sections)
    #expect(Set(ConfigurationKey.all.map(\.path)).count == ConfigurationKey.all.count)
  }
}
