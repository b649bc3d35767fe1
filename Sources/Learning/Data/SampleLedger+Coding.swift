// SPDX-License-Identifier: Apache-2.0

extension SampleLedger {
  /// The most bytes that are read as a ledger.
  public static let byteCountMax = 64 << 20

  private static let magic: UInt32 = 0x4C59_5246  // "FRYL"
  private static let version: UInt32 = 1

  /// The ledger as bytes: for a newcomer, or a checkpoint. Equal ledgers give equal bytes.
  public func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(Self.magic)
    writer.append(Self.version)
    writer.append(roundCount)
    writer.append(consumed)
    writer.append(chainBefore)
    writer.append(chain)
    writer.append(othersTotal)
    writer.append(UInt32(totals.count))
    for member in totals.keys.sorted() {
      writer.append(member)
      writer.append(totals[member]!)
    }
    writer.append(UInt32(recent.count))
    for record in recent { record.append(to: &writer) }
    return writer.bytes
  }

  /// Reads a ledger that a file or a peer says is one, and audits it.
  ///
  /// - Parameter place: what errors call these bytes.
  /// - Throws: `.ledgerDamaged`.
  public init(decoding bytes: [UInt8], place: String = "ledger") throws(DataError) {
    var reader = ByteReader(bytes, place: place)
    guard bytes.count <= Self.byteCountMax else {
      throw reader.damaged("\(bytes.count) bytes, more than \(Self.byteCountMax)")
    }
    guard try reader.word(UInt32.self, "first word") == Self.magic else {
      throw reader.damaged("it is not a ledger")
    }
    let version = try reader.word(UInt32.self, "version")
    guard version == Self.version else {
      throw reader.damaged("version \(version) of the ledger; this program reads version 1")
    }
    roundCount = try reader.word(UInt64.self, "count of rounds")
    consumed = try reader.intervals("consumed ranges")
    chainBefore = try reader.hash("chain")
    chain = try reader.hash("chain")
    othersTotal = try reader.word(UInt64.self, "total")
    let members = try reader.count(max: Self.totalsMax, widthMin: 10, "totals")
    var before = ""
    for _ in 0..<members {
      let name = try reader.text(byteCountMax: MemberSamples.memberBytesMax, "member's name")
      guard before < name else { throw reader.damaged("the totals are not in order") }
      before = name
      totals[name] = try reader.word(UInt64.self, "total")
    }
    let records = try reader.count(max: Self.recordsMax, widthMin: 12, "records")
    for _ in 0..<records { recent.append(try RoundRecord(from: &reader)) }
    try reader.finish()
    if let problem = audit().problems.first { throw reader.damaged(problem) }
  }
}
