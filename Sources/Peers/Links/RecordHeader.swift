// SPDX-License-Identifier: Apache-2.0

/// What a record's plain bytes begin with: the purpose of the frame it belongs to, and, in the bulk
/// lane, its place there.
///
/// One byte: the purpose, and bit 7 for the bulk lane. Then, in that lane only, the record's number
/// and the count of urgent frames it comes after, 8 bytes each, big-endian.
package struct RecordHeader: Equatable, Sendable {
  package let purpose: Purpose
  /// Nil in the urgent lane, whose order is its connection's.
  package let place: Place?

  /// Where in the bulk lane a record stands.
  package struct Place: Equatable, Sendable {
    package let number: UInt64
    package let after: UInt64

    package init(number: UInt64, after: UInt64) {
      self.number = number
      self.after = after
    }
  }

  package static let urgentByteCount = 1
  package static let bulkByteCount = 17
  private static let bulkBit: UInt8 = 0x80

  package init(_ purpose: Purpose, _ place: Place? = nil) {
    self.purpose = purpose
    self.place = place
  }

  package var byteCount: Int { place == nil ? Self.urgentByteCount : Self.bulkByteCount }

  package var encoded: [UInt8] {
    guard let place else { return [purpose.rawValue] }
    var bytes = [purpose.rawValue | Self.bulkBit]
    bytes.reserveCapacity(Self.bulkByteCount + FrameHeader.byteCount)
    bytes.appendBigEndian(place.number)
    bytes.appendBigEndian(place.after)
    return bytes
  }

  /// - Throws: `.damagedFrame` for a record too short, of an unknown purpose or in the wrong lane.
  package init(_ plain: ArraySlice<UInt8>, at connection: String) throws(PeersError) {
    let first = plain.first ?? 0x7F
    let isBulk = first & Self.bulkBit != 0
    guard let purpose = Purpose(rawValue: first & ~Self.bulkBit), !isBulk || purpose.isBulk,
      plain.count >= (isBulk ? Self.bulkByteCount : Self.urgentByteCount)
    else {
      throw PeersError(
        .damagedFrame, "a record whose header is none", place: connection,
        remedy: "Install the same release of Ferry on both.")
    }
    self.purpose = purpose
    guard isBulk else {
      place = nil
      return
    }
    func number(_ at: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 << 8 | UInt64(plain[plain.startIndex + at + $1]) }
    }
    place = Place(number: number(1), after: number(9))
  }
}

extension Purpose {
  /// Whether frames of this purpose go in the bulk lane, over as many connections as help, behind
  /// everything urgent.
  package var isBulk: Bool { self == .exchange || self == .catchUp }
}
