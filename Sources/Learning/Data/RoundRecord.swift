// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// What one member consumed in one round.
public struct MemberSamples: Hashable, Sendable {
  /// Who: the text form of the peer's id, 1 to `memberBytesMax` bytes of UTF-8.
  public let member: String
  /// Which positions of the stream.
  public let positions: IntervalSet

  /// The longest name of a member, in bytes.
  public static let memberBytesMax = 128

  public init(member: String, positions: IntervalSet) {
    self.member = member
    self.positions = positions
  }

  /// The same, from ranges in any order.
  public init(member: String, ranges: [Range<UInt64>]) {
    self.init(member: member, positions: IntervalSet(ranges))
  }
}

/// What a committed round consumed: the entry that all its members append to their ledgers.
public struct RoundRecord: Hashable, Sendable {
  /// The round's number.
  public let round: UInt64
  /// Its members that consumed anything, sorted by name.
  public let members: [MemberSamples]

  /// The most members of one round.
  public static let membersMax = 1024

  /// A record of a round; members who consumed nothing are left out.
  public init(round: UInt64, members: [MemberSamples]) {
    self.round = round
    self.members =
      members.filter { !$0.positions.isEmpty }.sorted { $0.member < $1.member }
  }

  /// How many samples the round consumed.
  public var count: UInt64 { members.reduce(0) { $0 + $1.positions.count } }

  func encode(into writer: inout ByteWriter) {
    writer.put(round)
    writer.put(each: members) { writer, entry in
      writer.put(entry.member)
      entry.positions.encode(into: &writer)
    }
  }

  init(from reader: inout ByteReader) throws(MalformedMessage) {
    let round: UInt64 = try reader.number()
    var before: String?
    members = try reader.each(max: Self.membersMax, byteCountMin: 8) {
      reader throws(MalformedMessage) in
      let name = try reader.text(max: MemberSamples.memberBytesMax)
      let positions = try IntervalSet(from: &reader)
      if let before, before >= name {
        throw reader.malformed("the members of round \(round) are not in order")
      }
      guard !name.isEmpty, !positions.isEmpty else {
        throw reader.malformed("round \(round) has a member without a name or samples")
      }
      before = name
      return MemberSamples(member: name, positions: positions)
    }
    self.round = round
  }
}
