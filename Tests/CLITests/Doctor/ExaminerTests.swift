// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ferry

@Suite("Examiner")
struct ExaminerTests {
  private func examiner(_ settings: String...) throws -> Examiner {
    let home = "/tmp/ferry-doctor-\(UUID().uuidString.prefix(8))"
    return Examiner(
      configuration: try ConfigurationLoader(settings: settings).load(),
      environment: ["HOME": home])
  }

  @Test("a line for each check, remedies below what needs one")
  func text() {
    let checks = [
      Check.ok("processor", "2 cores"), .fail("port", "7700 is in use", remedy: "Choose another."),
    ]
    #expect(
      Check.text(checks) == """
        ok    processor  2 cores
        fail  port       7700 is in use
                         Choose another.

        """)
  }

  @Test("the engine is tried out on a small model, which learns")
  func engine() async throws {
    let check = try #require(try await examiner().examine().first { $0.name == "engine" })
    #expect(check.verdict == .ok)
    #expect(
      check.found.wholeMatch(
        of: /MLX, CPU, \d+ threads; a small model learnt, 5\.5\d to [01]\.\d\d nats in 10 steps/)
        != nil,
      "\(check.found)")
  }

  @Test("a clock that was never set is worth a warning")
  func clock() throws {
    #expect(try examiner().clock(Date(timeIntervalSince1970: 0)).verdict == .warn)
    #expect(try examiner().clock(Date(timeIntervalSince1970: 1_780_000_000)).verdict == .ok)
  }

  @Test("the address comes from host:port or from a join line")
  func targets() {
    #expect(Examiner.target("10.0.0.7:7700") == HostPort(host: "10.0.0.7", port: 7700))
    #expect(Examiner.target("ferry://[::1]:7700/run?secret=x") == HostPort(host: "::1", port: 7700))
    #expect(Examiner.target("nonsense") == nil)
    #expect(Examiner.target("ferry://") == nil)
  }

  @Test("addresses are host:port, with brackets around IPv6")
  func hostPorts() {
    #expect(HostPort("localhost:0") == HostPort(host: "localhost", port: 0))
    #expect(HostPort("[::]:7700")?.description == "[::]:7700")
    for text in ["", ":1", "a", "a:", "a:70000", "a b:1", "::1:7700", "a/b:1", "a:-1"] {
      #expect(HostPort(text) == nil, "\(text)")
    }
  }
}
