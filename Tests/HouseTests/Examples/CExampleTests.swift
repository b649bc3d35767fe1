// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The C examples against the library that programs link, as processes of their own.
@Suite("C examples")
struct CExampleTests {
  /// A first process that founds a group, and others that join as it says.
  private func group(
    of example: Example, _ plan: [String], others: Int
  ) throws -> (first: Example.Run, others: [Example.Run]) {
    let first = try example.run(plan)
    try #require(Example.wait { !first.lines.isEmpty })
    let invitation = first.lines[0].split(separator: " ").map(String.init)
    return (first, try (0..<others).map { _ in try example.run(plan + invitation) })
  }

  @Test(
    "three C programs learn the same; one is killed, and the others end alike",
    .enabled(if: Example.isBuilt("FerryC")))
  func sums() throws {
    let example = try Example("sums", library: "FerryC", header: "CFerry")
    // More rounds than are done before the kill, fewer than take long.
    let (first, others) = try group(of: example, ["3", "2000"], others: 2)
    let all = [first] + others
    try #require(
      Example.wait { all.allSatisfy { $0.lines.count > 20 } }, "\(all.map(\.lines.last))")
    // The founder goes; nobody was special.
    first.stop()
    try #require(
      Example.wait { others.allSatisfy { !$0.process.isRunning } }, "\(others.map(\.lines.last))")
    let rounds = others.map { member in member.lines.filter { $0.hasPrefix("round ") } }
    #expect(others.allSatisfy { $0.process.terminationStatus == 0 }, "\(others.map(\.lines.last))")
    #expect(rounds[0] == rounds[1])
    #expect(rounds[0].count == 2000)
    #expect(rounds[0].last == "round 2000 members 2 first 1")
    #expect(rounds[0].contains { $0.contains("members 3 ") })
  }

  @Test(
    "three C programs exchange columns where they lie, and come to the numbers of one alone",
    .enabled(if: Example.isBuilt("FerryC")))
  func strips() throws {
    let example = try Example("strips", library: "FerryC", header: "CFerry")
    let (first, others) = try group(of: example, ["3", "50"], others: 2)
    let all = [first] + others
    try #require(
      Example.wait { all.allSatisfy { !$0.process.isRunning } }, "\(all.map(\.lines))")
    #expect(all.allSatisfy { $0.process.terminationStatus == 0 }, "\(all.map(\.lines.last))")
    #expect(first.lines.last == "9216 cells of 3 members as computed alone")
    #expect(others.compactMap(\.lines.last).sorted() == ["strip 1 done", "strip 2 done"])
  }
}
