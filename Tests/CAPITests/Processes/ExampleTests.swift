// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The C example against the library that programs link, as processes of their own.
@Suite("C example")
struct ExampleTests {
  private static let patience = 60.0

  /// A running example and what it has written so far.
  private final class Member {
    let process = Process()
    private let output: URL

    init(_ program: URL, _ words: [String], in folder: URL, name: String) throws {
      output = folder.appending(path: name)
      _ = FileManager.default.createFile(atPath: output.path, contents: nil)
      process.executableURL = program
      process.arguments = words
      let file = try FileHandle(forWritingTo: output)
      process.standardOutput = file
      process.standardError = file
      try process.run()
    }

    var lines: [String] {
      ((try? String(contentsOf: output, encoding: .utf8)) ?? "").split(separator: "\n")
        .map(String.init)
    }

    deinit { kill(process.processIdentifier, SIGKILL) }
  }

  private func wait(_ holds: () -> Bool) -> Bool {
    let end = Date(timeIntervalSinceNow: Self.patience)
    while !holds() {
      if Date.now > end { return false }
      Thread.sleep(forTimeInterval: 0.02)
    }
    return true
  }

  private func compile(into folder: URL) throws -> URL {
    let program = folder.appending(path: "sums")
    let compiler = Process()
    compiler.executableURL = URL(filePath: "/usr/bin/env")
    compiler.arguments = [
      "clang", "-std=c11", "-Wall", "-Wextra", "-Werror",
      BuiltLibrary.root.appending(path: "Bindings/c/sums.c").path,
      "-I", BuiltLibrary.root.appending(path: "Sources/CFerry/include").path,
      "-L", BuiltLibrary.folder.path, "-lFerryC", "-Wl,-rpath,\(BuiltLibrary.folder.path)",
      "-o", program.path,
    ]
    try compiler.run()
    compiler.waitUntilExit()
    try #require(compiler.terminationStatus == 0)
    return program
  }

  @Test(
    "three C programs learn the same; one is killed, and the others end alike",
    .enabled(if: BuiltLibrary.isThere, "swift build makes the library; rooms built alone do not"))
  func sums() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "ferry-c-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let program = try compile(into: folder)
    // More rounds than are done before the kill, fewer than take long.
    let plan = ["3", "2000"]
    let first = try Member(program, plan, in: folder, name: "1")
    try #require(wait { !first.lines.isEmpty })
    let invitation = first.lines[0].split(separator: " ").map(String.init)
    let others = try ["2", "3"].map {
      try Member(program, plan + invitation, in: folder, name: $0)
    }
    let all = [first] + others
    try #require(wait { all.allSatisfy { $0.lines.count > 20 } }, "\(all.map(\.lines.last))")
    // The founder goes; nobody was special.
    kill(first.process.processIdentifier, SIGKILL)
    try #require(
      wait { others.allSatisfy { !$0.process.isRunning } }, "\(others.map(\.lines.last))")
    let rounds = others.map { member in member.lines.filter { $0.hasPrefix("round ") } }
    #expect(others.allSatisfy { $0.process.terminationStatus == 0 }, "\(others.map(\.lines.last))")
    #expect(rounds[0] == rounds[1])
    #expect(rounds[0].count == 2000)
    #expect(rounds[0].last == "round 2000 members 2 first 1")
    #expect(rounds[0].contains { $0.contains("members 3 ") })
  }
}
