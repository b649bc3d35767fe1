// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Reads event logs back, whatever state a killed writer left them in.
package enum EventReader {
  /// The largest log that is read, in bytes.
  package static let fileBytesMax = 256 << 20
  /// The longest line, in bytes; longer ones are no event.
  package static let lineBytesMax = 1 << 20
  /// The most logs in one folder.
  package static let filesMax = 1024

  /// What a log holds.
  package struct Reading: Equatable, Sendable {
    package var events: [Event] = []
    /// Lines that were not events, not counting a torn last one.
    package var skipped = 0
    /// Whether the last line was cut off.
    package var isTorn = false

    package init() {}
  }

  /// The events of one log's bytes, in order.
  ///
  /// A last line without its line feed is torn and dropped; another line that is no event is
  /// counted and skipped, so that one bad line costs one event.
  package static func read(_ bytes: [UInt8]) -> Reading {
    var reading = Reading()
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    var rest = bytes[...]
    while let end = rest.firstIndex(of: 10) {
      let line = rest[..<end]
      rest = rest[(end + 1)...]
      if line.isEmpty { continue }
      guard line.count <= lineBytesMax,
        let event = try? decoder.decode(Event.self, from: Foundation.Data(line))
      else {
        reading.skipped += 1
        continue
      }
      reading.events.append(event)
    }
    reading.isTorn = !rest.isEmpty
    return reading
  }

  /// All events in a run's folder and the folders in it, each log in order, logs sorted by path.
  ///
  /// - Throws: `.runNotFound` without any log, `.eventsMalformed` when no line is an event, and
  ///   `.fileUnreadable`.
  package static func read(folder: String) throws(CLIError) -> [Event] {
    let paths = logs(in: folder)
    guard !paths.isEmpty else {
      throw CLIError(
        .runNotFound, what: "there is no event log (*.jsonl) here", place: folder,
        remedy: "Give the folder of a run; `ferry train` prints it.")
    }
    var events: [Event] = []
    var skipped = 0
    for path in paths {
      let bytes = try BoundedFile.read(
        path, bytesMax: fileBytesMax, remedy: "Give the folder of a run.")
      let reading = read(bytes)
      events += reading.events
      skipped += reading.skipped
    }
    guard !events.isEmpty else {
      throw CLIError(
        .eventsMalformed, what: "none of \(skipped) lines in \(paths.count) logs is an event",
        place: folder, remedy: "Was this folder written by another program or release?")
    }
    return events
  }

  private static func logs(in folder: String) -> [String] {
    guard let all = FileManager.default.enumerator(atPath: folder) else { return [] }
    var paths: [String] = []
    for case let name as String in all where name.hasSuffix(".jsonl") {
      paths.append("\(folder)/\(name)")
      if paths.count == filesMax { break }
    }
    return paths.sorted()
  }
}
