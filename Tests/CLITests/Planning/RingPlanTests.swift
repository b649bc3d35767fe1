// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Testing
import ferry

@Suite("Ring plan")
struct RingPlanTests {
  private func file(_ links: [(String, String, Double)], _ peers: String) throws -> LinksFile {
    let entries = links.map {
      #"{"from": "\#($0.0)", "to": "\#($0.1)", "megabits": \#($0.2), "milliseconds": 10}"#
    }
    return try LinksFile(
      Array(#"{"peers": [\#(peers)], "links": [\#(entries.joined(separator: ","))]}"#.utf8),
      path: "links.json")
  }

  @Test("the listed order and the found one, with what they are worth")
  func text() throws {
    let file = try file(
      [
        ("a", "b", 10), ("b", "c", 100), ("c", "d", 10), ("d", "a", 100), ("a", "c", 100),
        ("b", "d", 100),
      ], #""a", "b", "c", "d""#)
    let plan = try RingPlan(file, bytes: 10_000_000, seed: Seed(1))
    #expect(plan.before?.slowestMegabits == 10)
    #expect(plan.after.slowestMegabits == 100)
    #expect(plan.after.latencyMilliseconds == 40)
    #expect(plan.method == "exact" && plan.order.first == "a")
    #expect(
      plan.text == """
        listed  a → b → c → d
                slowest link 10.0 Mbit/s, latency all round 40 ms, 10.0 MB in 12.1 s
        found   \(plan.order.joined(separator: " → "))
                slowest link 100 Mbit/s, latency all round 40 ms, 10.0 MB in 1.26 s
                the best of all orders

        """)
  }

  @Test("a listed order without a link of its own has no figures")
  func noListed() throws {
    let file = try file(
      [("a", "c", 10), ("c", "b", 10), ("b", "d", 10), ("d", "a", 10)], #""a", "b", "c", "d""#)
    let plan = try RingPlan(file, bytes: 1, seed: Seed(1))
    #expect(plan.before == nil)
    #expect(plan.text.hasPrefix("listed  needs a link that is not there\nfound   a → "))
  }

  @Test("one peer alone has a ring without links")
  func alone() throws {
    let plan = try RingPlan(try file([], #""a""#), bytes: 1, seed: Seed(1))
    #expect(plan.order == ["a"] && plan.after.slowestMegabits == nil)
    #expect(plan.text.hasSuffix("the order of the file: no other is better\n"))
  }
}
