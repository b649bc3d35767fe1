// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `ferry island` under a real mpirun, where there is one.
@Suite("Islands of MPI ranks")
struct IslandTests {
  private static let patience = 60.0
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let ferry = root.appending(path: ".build/release/ferry").path

  /// A running island and what it has written so far.
  private final class Run {
    let process = Process()
    private let output: URL

    init(_ mpi: MPI, _ words: [String], library: String, in folder: URL, name: String) throws {
      output = folder.appending(path: name)
      _ = FileManager.default.createFile(atPath: output.path, contents: nil)
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = mpi.launcher + words
      process.environment = ProcessInfo.processInfo.environment.merging(
        ["FERRY_MPI_LIBRARY": library]
      ) { $1 }
      let file = try FileHandle(forWritingTo: output)
      process.standardOutput = file
      process.standardError = file
      try process.run()
    }

    var lines: [String] {
      ((try? String(contentsOf: output, encoding: .utf8)) ?? "").split(separator: "\n")
        .map(String.init)
    }

    var rounds: [String] { lines.filter { $0.hasPrefix("round ") } }

    deinit { if process.isRunning { process.terminate() } }
  }

  private func wait(_ holds: () -> Bool) -> Bool {
    let end = Date(timeIntervalSinceNow: Self.patience)
    while !holds() {
      if Date.now > end { return false }
      Thread.sleep(forTimeInterval: 0.02)
    }
    return true
  }

  /// The back end, compiled by this machine's MPI; nil, with a line that says why, where there is none.
  private func library(of mpi: MPI, in folder: URL) throws -> String? {
    guard FileManager.default.isExecutableFile(atPath: Self.ferry) else {
      print("islands not run: build ferry first, make build")
      return nil
    }
    let build = Process()
    build.executableURL = URL(filePath: "/usr/bin/env")
    build.arguments = ["bash", Self.root.appending(path: "Tools/mpi/build.sh").path, folder.path]
    build.environment = ProcessInfo.processInfo.environment.merging(
      ["MPICC": mpi.compiler]
    ) { $1 }
    let output = Pipe()
    build.standardOutput = output
    build.standardError = output
    try build.run()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    build.waitUntilExit()
    guard build.terminationStatus != 3 else {
      print("islands not run: \(said)")
      return nil
    }
    try #require(build.terminationStatus == 0, "\(said)")
    return folder.appending(path: "libferry-mpi.so").path
  }

  /// An MPI that may be here: its compiler, and how it starts ranks as root, and more than there are
  /// cores, as a test machine has it.
  struct MPI: CustomTestStringConvertible {
    let compiler: String
    let launcher: [String]
    var testDescription: String { compiler }

    static let all = [
      MPI(
        compiler: "mpicc.openmpi",
        launcher: ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe"]),
      MPI(compiler: "mpicc.mpich", launcher: ["mpirun.mpich"]),
    ]
  }

  @Test(
    "mpirun -np 4 sums by MPI; of two islands one is killed, and the other goes on",
    arguments: MPI.all)
  func islands(mpi: MPI) throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "ferry-islands-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    guard let library = try library(of: mpi, in: folder) else { return }
    let command = [Self.ferry, "island", "--count", "1000"]

    let alone = try Run(
      mpi, ["-np", "4"] + command + ["--rounds", "20"], library: library, in: folder, name: "alone")
    try #require(wait { !alone.process.isRunning }, "\(alone.lines)")
    #expect(alone.process.terminationStatus == 0, "\(alone.lines)")
    #expect(alone.rounds.count == 20)
    #expect(alone.rounds.last?.hasPrefix("round 20 islands 1 ranks 4 ") == true)

    // More than are done before the kill, fewer than take long.
    let plan = ["--rounds", "1500", "--islands", "2"]
    let first = try Run(
      mpi, ["-np", "2"] + command + plan, library: library, in: folder, name: "first")
    try #require(wait { first.lines.contains { $0.hasPrefix("ferry://") } }, "\(first.lines)")
    let line = try #require(first.lines.first { $0.hasPrefix("ferry://") })
    let second = try Run(
      mpi, ["-np", "3"] + command + plan + ["--join", line], library: library, in: folder,
      name: "second")
    try #require(wait { first.rounds.count > 20 }, "\(first.lines) \(second.lines)")
    #expect(first.rounds[10].contains(" islands 2 ranks 5 "))
    // A rank of the founders' island: MPI ends the island with it, its leader, too.
    let ranks = try Self.ranks(below: first.process.processIdentifier)
    kill(try #require(ranks.last), SIGKILL)
    try #require(wait { !first.process.isRunning && !second.process.isRunning }, "\(second.lines)")
    #expect(second.process.terminationStatus == 0, "\(second.lines.suffix(3))")
    #expect(second.rounds.last?.hasPrefix("round 1500 islands 1 ranks 3 ") == true)
  }

  /// The processes that a launcher started, by itself or through helpers of its own.
  private static func ranks(below parent: Int32) throws -> [Int32] {
    let started = try children(of: parent)
    return started.isEmpty ? [parent] : try started.flatMap { try ranks(below: $0) }
  }

  /// The processes that a process started.
  private static func children(of parent: Int32) throws -> [Int32] {
    let list = Process()
    list.executableURL = URL(filePath: "/usr/bin/env")
    list.arguments = ["ps", "-o", "pid=", "--ppid", "\(parent)"]
    let output = Pipe()
    list.standardOutput = output
    try list.run()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    return said.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
  }
}
