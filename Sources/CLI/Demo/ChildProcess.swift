// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A process that this one starts, watches and ends.
final class ChildProcess: Sendable {
  private struct State {
    var status: Int32?
    var waiters: [CheckedContinuation<Int32, Never>] = []
  }

  private let process: Mutex<Process>
  private let state = Mutex(State())
  private let output: String

  /// - Parameter folder: where it works; nil keeps this process's own.
  /// - Parameter output: a file for what it prints on both streams.
  init(program: String, arguments: [String], folder: String? = nil, output: String) {
    self.output = output
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    self.process = Mutex(process)
  }

  var id: Int32 { process.withLock { $0.processIdentifier } }
  var isRunning: Bool { state.withLock { $0.status == nil } }

  /// - Throws: `.demoFailed` when the program or the file for its output cannot be opened.
  func start() throws {
    do {
      try Data().write(to: URL(fileURLWithPath: output))
      let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
      try process.withLock { process in
        process.standardOutput = handle
        process.standardError = handle
        process.terminationHandler = { [weak self] in self?.ended($0.terminationStatus) }
        try process.run()
      }
    } catch {
      throw CLIError(
        .demoFailed, what: "a process cannot be started: \(error.localizedDescription)",
        place: output, remedy: "Check that the folder can be written and the program be run.")
    }
  }

  /// Its exit status, once it has ended; cancelling the wait kills it.
  func wait() async -> Int32 {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let status = state.withLock { state in
          if state.status == nil { state.waiters.append(continuation) }
          return state.status
        }
        if let status { continuation.resume(returning: status) }
      }
    } onCancel: {
      send(SIGKILL)
    }
  }

  /// Sends a signal, unless it has ended.
  func send(_ signal: Int32) {
    if isRunning { kill(id, signal) }
  }

  private func ended(_ status: Int32) {
    let waiters = state.withLock { state in
      state.status = status
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume(returning: status) }
  }
}
