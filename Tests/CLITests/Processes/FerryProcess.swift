// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A folder for one test's processes, with a text, removed at the end.
final class Yard {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/ferry-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let text = (0..<4000).map { "in the beginning was the word \($0)\n" }.joined()
    try write(text, to: "text.txt")
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
  }

  func read(_ name: String) -> String {
    (try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)) ?? ""
  }

  /// The settings of a model that learns in no time.
  static let tiny = [
    "--text", "text.txt", "--threads", "1", "--listen", "127.0.0.1:0", "--set", "model.layers=1",
    "--set", "model.width=32", "--set", "model.context=32", "--set", "model.heads=2", "--set",
    "train.inner_steps=5", "--set", "run.rounds=1",
  ]

  /// Runs `ferry` to its end, at most a minute.
  func ferry(_ arguments: [String]) throws -> (status: Int32, out: String, errors: String) {
    let process = try FerryProcess(arguments, in: self, log: "run-\(UUID().uuidString)")
    let status = try process.end(within: 60)
    return (status, process.out, process.errors)
  }

  /// Runs `ferry` to its end and expects a status and one error.
  ///
  /// - Parameter kibibytesMax: no file that it writes may grow beyond.
  func ferry(
    _ arguments: [String], ends status: Int32, saying sentence: String, kibibytesMax: Int? = nil,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let process = try FerryProcess(
      arguments, in: self, log: "run-\(UUID().uuidString)", kibibytesMax: kibibytesMax)
    let ended = try process.end(within: 60)
    #expect(ended == status, "\(process.errors)", sourceLocation: location)
    process.expectOneError(sentence, at: location)
  }
}

/// A real process of the built `ferry`.
final class FerryProcess {
  private let process = Process()
  private let yard: Yard
  private let log: String

  /// Beside the tests' own program.
  static var program: String {
    let folder = Bundle.main.executableURL?.deletingLastPathComponent().path ?? "."
    let given = ProcessInfo.processInfo.environment["FERRY_PROGRAM"]
    for place in [given, "\(folder)/ferry", ".build/release/ferry"].compactMap(\.self)
    where FileManager.default.isExecutableFile(atPath: place) {
      return URL(fileURLWithPath: place).path
    }
    return ".build/release/ferry"
  }

  /// - Parameter host: of the network laboratory that this test runs in.
  init(
    _ arguments: [String], in yard: Yard, log: String, kibibytesMax: Int? = nil, host: Int? = nil
  ) throws {
    (self.yard, self.log) = (yard, log)
    process.executableURL = URL(fileURLWithPath: Self.program)
    process.arguments = arguments
    if let host {
      process.executableURL = URL(fileURLWithPath: Laboratory.program)
      process.arguments = ["on", "\(host)", "--", Self.program] + arguments
    }
    if let kibibytesMax {
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments =
        ["-c", "ulimit -f \(kibibytesMax) && exec \"$0\" \"$@\"", Self.program] + arguments
    }
    process.currentDirectoryURL = URL(fileURLWithPath: yard.path)
    var environment = ProcessInfo.processInfo.environment
    environment["SWIFT_BACKTRACE"] = "enable=no"
    environment["XDG_CONFIG_HOME"] = yard.path
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    try yard.write("", to: "\(log).out")
    try yard.write("", to: "\(log).err")
    process.standardOutput = FileHandle(forWritingAtPath: "\(yard.path)/\(log).out")
    process.standardError = FileHandle(forWritingAtPath: "\(yard.path)/\(log).err")
    try process.run()
  }

  deinit { if process.isRunning { send(SIGKILL) } }

  var out: String { yard.read("\(log).out") }
  var errors: String { yard.read("\(log).err") }
  var isRunning: Bool { process.isRunning }

  /// What it said ends with this sentence, and says it once.
  func expectOneError(
    _ sentence: String, at location: SourceLocation = #_sourceLocation
  ) {
    let said = errors
    #expect(said.hasSuffix("ferry: \(sentence)\n"), "\(said)", sourceLocation: location)
    let code = sentence.prefix { $0 != ":" } + ":"
    let count = said.components(separatedBy: code).count - 1
    #expect(count == 1, "said \(count) times: \(said)", sourceLocation: location)
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Its exit status; a process that is still there after so many seconds is killed, and the test
  /// fails.
  func end(within seconds: Double) throws -> Int32 {
    let ended = waitUntil(within: seconds) { !process.isRunning }
    if !ended {
      send(SIGCONT)
      send(SIGKILL)
      process.waitUntilExit()
    }
    try #require(ended, "still there after \(seconds) s: \(errors.suffix(600))")
    return process.terminationStatus
  }
}

/// Looks every few milliseconds whether something holds: the other side is another process, which
/// cannot tell us.
func waitUntil(within seconds: Double, _ holds: () -> Bool) -> Bool {
  let end = Date(timeIntervalSinceNow: seconds)
  while Date.now < end {
    if holds() { return true }
    Thread.sleep(forTimeInterval: 0.02)
  }
  return holds()
}
