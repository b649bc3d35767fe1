// SPDX-License-Identifier: Apache-2.0

/// Puts the bulk records of a link back into the order in which they were sent.
///
/// They are numbered from 0 and come over several connections, on each of which the numbers ascend.
/// Each also says how many urgent frames were sent before its frame: it waits for those, so that no
/// bulk byte overtakes a word that was said before it.
package struct RecordOrder {
  /// A record as it came.
  package struct Record {
    package let number: UInt64
    package let after: UInt64
    package let purpose: Purpose
    package let bytes: ArraySlice<UInt8>
    /// More of it follows: only of one that `isDue`.
    package let isPart: Bool

    package init(
      number: UInt64, after: UInt64, purpose: Purpose, bytes: ArraySlice<UInt8>,
      isPart: Bool = false
    ) {
      self.isPart = isPart
      self.number = number
      self.after = after
      self.purpose = purpose
      self.bytes = bytes
    }
  }

  private var early: [UInt64: Record] = [:]
  /// The number of the record that is due.
  package private(set) var expected: UInt64 = 0
  /// Bytes of records that came early.
  package private(set) var heldByteCount = 0

  package init() {}

  /// Whether so much came early that connections that are ahead should rest.
  package var isCrowded: Bool { heldByteCount >= LinkLimits.reorderBytesMax }

  /// Whether a record may be used at once: it is the next one, and what it waits for is here.
  package func isDue(number: UInt64, after: UInt64, urgentCount: UInt64) -> Bool {
    number == expected && after <= urgentCount
  }

  /// Takes a record, unless it may be used at once.
  ///
  /// - Parameter urgentCount: urgent frames that have arrived.
  /// - Returns: whether it is the caller's to use now, as it is due.
  /// - Throws: `.damagedFrame` when its number came before.
  package mutating func admits(
    _ record: Record, urgentCount: UInt64, place: String
  ) throws(PeersError) -> Bool {
    guard record.number >= expected, early[record.number] == nil else {
      throw PeersError(
        .damagedFrame, "bulk record \(record.number) a second time", place: place,
        remedy: "The link is closed and opened anew; if it stays so, check the network between.")
    }
    if isDue(number: record.number, after: record.after, urgentCount: urgentCount) {
      expected += 1
      return true
    }
    // A copy: what came lies in its connection's memory, and that is needed for more.
    early[record.number] = Record(
      number: record.number, after: record.after, purpose: record.purpose,
      bytes: Array(record.bytes)[...])
    heldByteCount += Self.size(of: record)
    // Connections that are ahead rest long before this.
    guard heldByteCount <= 2 * LinkLimits.reorderBytesMax else {
      throw PeersError(
        .damagedFrame, "\(heldByteCount) bytes before bulk record \(expected)", place: place,
        remedy: "The link is closed and opened anew; install the same release of Ferry on both.")
    }
    return false
  }

  /// The next record that came early and is due now, if there is one.
  package mutating func next(urgentCount: UInt64) -> Record? {
    guard let record = early[expected], record.after <= urgentCount else { return nil }
    early[expected] = nil
    heldByteCount -= Self.size(of: record)
    expected += 1
    return record
  }

  /// With what keeping it costs beside its bytes, so that empty ones do not come free.
  private static func size(of record: Record) -> Int { record.bytes.count + 128 }
}
