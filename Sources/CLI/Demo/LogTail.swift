// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Follows an event log that another process writes.
struct LogTail {
  private let path: String
  private var offset: UInt64 = 0
  private var rest: [UInt8] = []

  init(path: String) { self.path = path }

  /// The events written since the last call; none while there is no file.
  mutating func read() -> [Event] {
    guard let handle = FileHandle(forReadingAtPath: path) else { return [] }
    defer { try? handle.close() }
    guard (try? handle.seek(toOffset: offset)) != nil,
      let data = try? handle.read(upToCount: EventReader.fileBytesMax), !data.isEmpty
    else { return [] }
    offset += UInt64(data.count)
    rest += data
    // A line that is still being written waits for its end.
    guard let end = rest.lastIndex(of: 10) else { return [] }
    let reading = EventReader.read(Array(rest[...end]))
    rest.removeSubrange(...end)
    return reading.events
  }
}
