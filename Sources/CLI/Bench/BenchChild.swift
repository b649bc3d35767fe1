// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import Foundation

/// A process of a benchmark as its driver sees it: lines in, lines out.
final class BenchChild: @unchecked Sendable {
  /// A line that a child wrote; nil when its end came.
  struct Line: Sendable {
    let child: Int
    let words: [String]?
  }

  let index: Int
  // SAFETY: touched by the driver's thread only; the reader has its own handle.
  private let process = Process()
  private let input = Pipe()

  /// - Parameter launcher: a command that runs what stands after it, perhaps elsewhere; none for
  ///   this machine.
  /// - Throws: when the program cannot be started.
  init(
    _ arguments: [String], index: Int, launcher: [String] = [], into inbox: Inbox<Line>
  ) throws {
    self.index = index
    let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
    process.executableURL = URL(
      fileURLWithPath: launcher.isEmpty ? program : "/usr/bin/env")
    process.arguments =
      (launcher.isEmpty ? [] : launcher + [program]) + ["bench-peer"] + arguments
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let reader = output.fileHandleForReading
    let thread = Thread {
      var rest: [UInt8] = []
      while true {
        let data = reader.availableData
        if data.isEmpty { break }
        rest += data
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
          let line = String(decoding: rest[..<end], as: UTF8.self)
          rest.removeFirst(end + 1)
          inbox.put(Line(child: index, words: line.split(separator: " ").map(String.init)))
        }
      }
      inbox.put(Line(child: index, words: nil))
    }
    thread.name = "ferry-bench-\(index)"
    thread.start()
  }

  func tell(_ line: String) {
    try? input.fileHandleForWriting.write(contentsOf: Foundation.Data("\(line)\n".utf8))
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }
}

/// The middle and the far end of measurements.
struct Spread: Codable, Equatable, Sendable {
  let median: Double
  let p90: Double
  let p99: Double
  let count: Int

  /// - Precondition: at least one value.
  init(_ values: [Double]) {
    let sorted = values.sorted()
    func at(_ share: Double) -> Double {
      sorted[min(sorted.count - 1, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
    }
    (median, p90, p99, count) = (at(0.5), at(0.9), at(0.99), sorted.count)
  }
}
