// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation

/// Runs another program to its end; a test's own answers in its place.
package protocol CommandRunner: Sendable {
  /// Runs `command` (found on the PATH) in `folder`, without input.
  ///
  /// - Returns: its exit status and what it wrote; a status of 127 when there is no such program,
  ///   124 when it did not end by the deadline and was stopped.
  func run(_ command: [String], in folder: String, deadline: Duration) -> CommandResult
}

/// How a program ended.
package struct CommandResult: Hashable, Sendable {
  package let status: Int32
  /// What it wrote to its error output, at the end: up to 64 KiB.
  package let errors: String

  package init(status: Int32, errors: String = "") {
    self.status = status
    self.errors = errors
  }

  /// The last line that says something.
  package var lastError: String {
    errors.split(whereSeparator: \.isNewline).last.map(String.init) ?? "exit status \(status)"
  }
}

/// Runs programs of this machine.
package struct ProcessRunner: CommandRunner {
  package init() {}

  package func run(_ command: [String], in folder: String, deadline: Duration) -> CommandResult {
    let errorsPath = folder + "/errors"
    guard FileManager.default.createFile(atPath: errorsPath, contents: nil),
      let errors = FileHandle(forWritingAtPath: errorsPath)
    else { return CommandResult(status: 126, errors: "cannot write \(errorsPath)") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    // To a file: a pipe that nobody empties would block the program.
    process.standardError = errors
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    do { try process.run() } catch {
      return CommandResult(status: 127, errors: error.localizedDescription)
    }
    let seconds = Int(deadline.components.seconds)
    if ended.wait(timeout: .now() + .seconds(seconds)) == .timedOut {
      process.terminate()
      return CommandResult(status: 124, errors: "\(command[0]) did not end within \(seconds) s")
    }
    let tail = (try? Data(contentsOf: URL(fileURLWithPath: errorsPath)))?.suffix(1 << 16) ?? Data()
    return CommandResult(
      status: process.terminationStatus, errors: String(decoding: tail, as: UTF8.self))
  }
}
