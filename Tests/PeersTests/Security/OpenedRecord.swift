// SPDX-License-Identifier: Apache-2.0

import FerryPeers

extension RecordOpener {
  /// The plain bytes of the record at the front, which is dropped; nil while it is not complete.
  mutating func take(_ wire: inout ByteQueue, place: String = "") throws -> [UInt8]? {
    guard let record = try open(&wire, place: place) else { return nil }
    defer { wire.dropFirst(record.wireByteCount) }
    return Array(wire[record.plain])
  }
}
