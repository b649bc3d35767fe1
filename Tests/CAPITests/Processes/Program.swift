// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Runs a program to its end.
enum Program {
  struct Answer {
    let status: Int32
    /// Both of its outputs.
    let text: String
  }

  /// Each wait in what we run has its own deadline; this one is for the program itself.
  private static let patience = 300.0

  static func folder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "ferry-doors-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  static func run(
    _ words: [String], in folder: URL, _ more: [String: String] = [:]
  ) throws -> Answer {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = words
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(more) { $1 }
    let output = Pipe()
    process.standardError = output
    process.standardOutput = output
    try process.run()
    let guardian = Thread {
      Thread.sleep(forTimeInterval: patience)
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
    guardian.start()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Answer(status: process.terminationStatus, text: said)
  }
}
