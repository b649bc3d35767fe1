// SPDX-License-Identifier: Apache-2.0

package import Foundation
import Synchronization

/// Writes a peer's events to its file, one line each, as they happen.
///
/// Safe to call from any thread. A line is written with one call, so a process that is killed
/// leaves at most one torn line at the end, which the reader skips.
package final class EventLog: Sendable {
  private let file: Mutex<FileHandle?>
  private let peer: String
  private let now: @Sendable () -> Int64
  private let echo: (@Sendable (Event) -> Void)?

  /// Opens the file to append, and makes its folder.
  ///
  /// - Parameter peer: who writes: the peer's id.
  /// - Parameter now: milliseconds since 1970 by the wall clock.
  /// - Parameter echo: is shown every event too, after it is written.
  /// - Throws: `.fileUnwritable`.
  package init(
    path: String, peer: String, now: @escaping @Sendable () -> Int64,
    echo: (@Sendable (Event) -> Void)? = nil
  ) throws(CLIError) {
    self.peer = peer
    self.now = now
    self.echo = echo
    do {
      let url = URL(fileURLWithPath: path)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      if !FileManager.default.fileExists(atPath: path) {
        try Foundation.Data().write(to: url, options: .withoutOverwriting)
      }
      let handle = try FileHandle(forUpdating: url)
      try Self.seekPastTornLine(handle)
      file = Mutex(handle)
    } catch {
      throw CLIError(
        .fileUnwritable, what: "the event log cannot be opened: \(error.localizedDescription)",
        place: path, remedy: "Check that the folder can be written and has space.")
    }
  }

  /// A restarted peer must not write behind half a line of its former life: the two would be lost
  /// together. A line feed ends the torn one.
  private static func seekPastTornLine(_ handle: FileHandle) throws {
    let end = try handle.seekToEnd()
    guard end > 0 else { return }
    try handle.seek(toOffset: end - 1)
    let last = try handle.read(upToCount: 1)
    if last != Foundation.Data([10]) { try handle.write(contentsOf: [10]) }
  }

  /// Appends one event. A disk that is full loses the line, never the run.
  package func write(_ content: Event.Content) {
    let event = Event(t: now(), peer: peer, content)
    if let line = try? Self.line(event) {
      file.withLock { try? $0?.write(contentsOf: line) }
    }
    echo?(event)
  }

  /// Flushes and closes; later events are dropped.
  package func close() {
    file.withLock {
      try? $0?.synchronize()
      try? $0?.close()
      $0 = nil
    }
  }

  /// One line of JSON with its line feed: keys in snake case, as `--json` prints them; numbers that
  /// JSON cannot hold as the texts `nan`, `inf` and `-inf`.
  package static func line(_ event: Event) throws -> Foundation.Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    var data = try encoder.encode(event)
    data.append(10)
    return data
  }
}
