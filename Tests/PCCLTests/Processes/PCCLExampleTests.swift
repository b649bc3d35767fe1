// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A C program written for PCCL's interface, with the library that takes PCCL's place.
@Suite("PCCL example")
struct PCCLExampleTests {
  private static let patience = 60.0
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let libraries = root.appending(path: ".build/release")
  private static var isBuilt: Bool {
    ["libpccl.so", "libpccl.dylib"].contains { name in
      FileManager.default.fileExists(atPath: libraries.appending(path: name).path)
    }
  }

  /// A running program and what it has written so far.
  private final class Run {
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

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
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
    let program = folder.appending(path: "pccl_sums")
    let compiler = Process()
    compiler.executableURL = URL(filePath: "/usr/bin/env")
    compiler.arguments = [
      "clang", "-std=c11", "-Wall", "-Wextra", "-Werror",
      Self.root.appending(path: "Bindings/c/pccl_sums.c").path,
      "-I", Self.root.appending(path: "Sources/CPCCL/include").path,
      "-L", Self.libraries.path, "-lpccl", "-Wl,-rpath,\(Self.libraries.path)",
      "-o", program.path,
    ]
    try compiler.run()
    compiler.waitUntilExit()
    try #require(compiler.terminationStatus == 0)
    return program
  }

  @Test(
    "peers learn on when one is killed, and when the master is; a newcomer gets the state",
    .enabled(if: isBuilt, "swift build makes the library; rooms built alone do not"))
  func survives() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "ferry-pccl-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let program = try compile(into: folder)
    // Of this process's own, so that tests can run beside one another.
    let port = String(41_000 + Int(getpid()) % 8_000)
    // Enough to have some left at every step below.
    let peer = ["peer", port, "4000"]

    let master = try Run(program, ["master", port], in: folder, name: "master")
    try #require(wait { master.lines == ["listening"] }, "\(master.lines)")
    let first = try Run(program, peer, in: folder, name: "1")
    let second = try Run(program, peer, in: folder, name: "2")
    try #require(
      wait { second.lines.count > 20 && first.lines.count > 20 },
      "\(first.lines.last ?? "") \(second.lines.last ?? "")")
    let third = try Run(program, peer, in: folder, name: "3")
    try #require(wait { third.lines.count > 20 }, "\(third.lines)")
    #expect(third.lines.contains { $0.hasPrefix("received 4000 bytes of revision ") })
    kill(first.process.processIdentifier, SIGKILL)
    let count = third.lines.count
    try #require(wait { third.lines.count > count + 20 }, "\(third.lines.last ?? "")")
    // PCCL's own runs end with their master. Not a peer's business here.
    kill(master.process.processIdentifier, SIGKILL)
    try #require(
      wait { !second.process.isRunning && !third.process.isRunning },
      "\(second.lines.last ?? "") \(third.lines.last ?? "")")
    for run in [second, third] {
      #expect(run.process.terminationStatus == 0, "\(run.lines.last ?? "")")
      #expect(run.lines.contains { $0.contains("world 3 ") })
      #expect(run.lines.last == "revision 4000 world 2 first 1")
    }
  }

  @Test(
    "nobody at the master's address is a result, and says so",
    .enabled(if: isBuilt, "swift build makes the library; rooms built alone do not"))
  func nobody() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "ferry-pccl-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let peer = try Run(try compile(into: folder), ["peer", "1", "1"], in: folder, name: "peer")
    try #require(wait { !peer.process.isRunning })
    #expect(peer.process.terminationStatus == 1)
    #expect(peer.lines.last == "connect: result 6", "pcclMasterConnectionFailed")
    #expect(peer.lines.first?.hasPrefix("pccl: no master at 127.0.0.1:1: ") == true)
  }
}
