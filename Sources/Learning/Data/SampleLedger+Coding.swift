// SPDX-License-Identifier: Apache-2.0

import FerryBasics

extension SampleLedger {
  /// The most bytes that are read as a ledger.
  public static let byteCountMax = 64 << 20

  private static let magic: UInt32 = 0x4C59_5246  // "FRYL"
  private static let version: UInt32 = 1

  /// The ledger as bytes: for a newcomer, or a checkpoint. Equal ledgers give equal bytes.
  public func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.put(Self.magic)
    writer.put(Self.version)
    writer.put(roundCount)
    consumed.encode(into: &writer)
    writer.put(raw: chainBefore.bytes)
    writer.put(raw: chain.bytes)
    writer.put(othersTotal)
    writer.put(each: totals.keys.sorted()) { writer, member in
      writer.put(member)
      writer.put(totals[member]!)
    }
    writer.put(each: recent) { writer, record in record.encode(into: &writer) }
    return writer.bytes
  }

  /// Reads a ledger that a file or a peer says is one, and audits it.
  ///
  /// - Parameter place: what errors call these bytes.
  /// - Throws: `.ledgerDamaged`.
  public init(decoding bytes: [UInt8], place: String = "ledger") throws(DataError) {
    var reader = ByteReader(bytes, place: place)
    do throws(MalformedMessage) {
      try self.init(from: &reader)
      try reader.end()
    } catch {
      throw DataError(
        .ledgerDamaged, error.what, at: error.place,
        remedy: "Resume from an earlier checkpoint, or fetch the state from a peer again.")
    }
  }

  private init(from reader: inout ByteReader) throws(MalformedMessage) {
    self.init()
    guard reader.remaining <= Self.byteCountMax else {
      throw reader.malformed("\(reader.remaining) bytes, more than \(Self.byteCountMax)")
    }
    guard try reader.number(UInt32.self) == Self.magic else {
      throw reader.malformed("it is not a ledger")
    }
    let version = try reader.number(UInt32.self)
    guard version == Self.version else {
      throw reader.malformed("version \(version) of the ledger; this program reads version 1")
    }
    roundCount = try reader.number()
    consumed = try IntervalSet(from: &reader)
    chainBefore = try ContentHash(from: &reader)
    chain = try ContentHash(from: &reader)
    othersTotal = try reader.number()
    var before = ""
    let totals = try reader.each(max: Self.totalsMax, byteCountMin: 12) {
      reader throws(MalformedMessage) in
      let name = try reader.text(max: MemberSamples.memberBytesMax)
      guard before < name else { throw reader.malformed("the totals are not in order") }
      before = name
      return (name, try reader.number(UInt64.self))
    }
    self.totals = Dictionary(uniqueKeysWithValues: totals)
    recent = try reader.each(max: Self.recordsMax, byteCountMin: 12) {
      reader throws(MalformedMessage) in try RoundRecord(from: &reader)
    }
    if let problem = audit().problems.first { throw reader.malformed(problem) }
  }
}

extension ContentHash {
  fileprivate init(from reader: inout ByteReader) throws(MalformedMessage) {
    self.init(bytes: try reader.raw(Self.byteCount))!
  }
}

extension IntervalSet {
  func encode(into writer: inout ByteWriter) {
    writer.put(each: ranges) { writer, range in
      writer.put(range.lowerBound)
      writer.put(range.upperBound)
    }
  }

  init(from reader: inout ByteReader) throws(MalformedMessage) {
    var set = IntervalSet()
    _ = try reader.each(max: Self.rangesMax, byteCountMin: 16) {
      reader throws(MalformedMessage) in
      let lower: UInt64 = try reader.number()
      let upper: UInt64 = try reader.number()
      guard set.append(lower, upper) else {
        throw reader.malformed("the ranges are not in order and apart")
      }
    }
    self = set
  }
}
