// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ferry

@Suite("Help")
struct HelpTests {
  @Test("every command there is, and no other")
  func commands() {
    #expect(
      HelpTexts.all.keys.sorted() == [
        "ferry", "ferry bench", "ferry checkpoint", "ferry checkpoint list",
        "ferry checkpoint verify", "ferry config", "ferry config show", "ferry data",
        "ferry data fetch", "ferry data list", "ferry demo", "ferry doctor", "ferry generate",
        "ferry identity", "ferry identity show", "ferry init", "ferry island", "ferry join",
        "ferry leave",
        "ferry limits", "ferry ot", "ferry ot barycenter", "ferry ot cluster", "ferry ot distance",
        "ferry ot map", "ferry ot select", "ferry ot solve", "ferry parity", "ferry peers",
        "ferry plan",
        "ferry plan flows", "ferry plan ring", "ferry plan shards", "ferry plan transfer",
        "ferry recipe", "ferry recipe cite", "ferry recipe data", "ferry recipe data fetch",
        "ferry recipe data list", "ferry recipe data verify", "ferry recipe list",
        "ferry recipe run",
        "ferry recipe show", "ferry report",
        "ferry status", "ferry train",
      ])
  }

  @Test("every command that does something teaches by example and tells its exit codes")
  func teaches() {
    let groups = [
      "ferry", "ferry checkpoint", "ferry config", "ferry data", "ferry identity", "ferry ot",
      "ferry plan", "ferry recipe", "ferry recipe data",
    ]
    for (name, text) in HelpTexts.all where !groups.contains(name) {
      #expect(text.contains("Examples:\n  \(name)"), "\(name)")
      #expect(text.contains("Exit codes: 0 "), "\(name)")
      #expect(text.contains("--json"), "\(name)")
    }
  }

  @Test("no line of help is wider than a terminal of 80 columns, and no word was moved to fit")
  func width() {
    func overview(_ text: String?) -> Substring? {
      text.map { $0[..<$0.range(of: "USAGE:")!.lowerBound] }
    }
    let wide = HelpTexts.all(columns: 1000)
    for (name, text) in HelpTexts.all {
      #expect(overview(text) == overview(wide[name]), "\(name)")
      // The parser never breaks its own line of usage.
      for line in text.split(separator: "\n") where !line.hasPrefix("USAGE: ") {
        #expect(line.count <= 80, "\(name): \(line)")
      }
    }
  }

  @Test("ferry alone shows the first steps")
  func root() throws {
    let text = try #require(HelpTexts.all["ferry"])
    #expect(
      text.hasPrefix(
        """
        OVERVIEW: Train one model across machines that come and go.

        First steps:
          ferry demo             see it work: peers killed, one report
          ferry init run.toml    write a configuration that explains itself
          ferry train run.toml   start the first peer; prints the line to join with
          ferry join 'ferry://…' on any other machine, any time

        Exit codes: 0 done, 1 failed on the way (a full disk, a peer out of reach),
        2 refused (what was given cannot be used: configuration, text, checkpoint,
        secret, port), 64 wrong usage, 130 interrupted. With --json every command
        prints one object a line, and errors as {"error":{"code":…,"what":…,"place":…,
        "remedy":…}}.

        USAGE: ferry <subcommand>
        """))
  }
}
