// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Which samples of the endless stream were consumed, by whom, in which round: nothing lost,
/// nothing twice.
///
/// Every member of a group holds an equal ledger and appends the same record when a round is
/// committed. Its size is bounded: the consumed positions as ranges, the last `recordsMax` records,
/// a total per member, and a chain of hashes that stands for all records ever committed.
public struct SampleLedger: Hashable, Sendable {
  /// Records kept in full.
  public static let recordsMax = 32
  /// Members with a total of their own; the totals of others are added up in `othersTotal`.
  public static let totalsMax = 4096
  /// Positions stay below this.
  public static let positionMax: UInt64 = 1 << 62

  /// All positions that were consumed.
  public internal(set) var consumed = IntervalSet()
  /// The last committed records, oldest first; at most `recordsMax`.
  public internal(set) var recent: [RoundRecord] = []
  /// Rounds committed since the run began.
  public internal(set) var roundCount: UInt64 = 0
  /// Samples each member consumed since the run began.
  public internal(set) var totals: [String: UInt64] = [:]
  /// Samples consumed by members that have left `totals` for want of room.
  public internal(set) var othersTotal: UInt64 = 0
  /// SHA-256 over the chain so far and the last record: equal only for equal histories.
  public internal(set) var chain: ContentHash = .genesis
  /// The chain before the oldest record of `recent`.
  var chainBefore: ContentHash = .genesis

  /// The ledger of a run that has consumed nothing.
  public init() {}

  /// The round committed last; nil before the first.
  public var lastRound: UInt64? { recent.last?.round }

  /// SHA-256 of the encoded ledger; equal on all members of a round.
  public var digest: ContentHash { ContentHash(of: encoded()) }

  /// The next round's positions: disjoint, free, and the same on every peer that holds this ledger.
  ///
  /// Positions go to the members in order of rank, holes (left by members that died) first.
  /// - Parameters:
  ///   - count: members of the round, by rank; 0 to `RoundRecord.membersMax`.
  ///   - perMember: samples for each.
  /// - Returns: by rank, ranges that hold `perMember` positions together.
  public func assign(members count: Int, perMember: UInt64) -> [[Range<UInt64>]] {
    assign(shares: [UInt64](repeating: perMember, count: count))
  }

  /// The same with a share for each member, so that a slow one can be given less.
  public func assign(shares: [UInt64]) -> [[Range<UInt64>]] {
    precondition(
      shares.count <= RoundRecord.membersMax, "\(shares.count) members, more than 1024")
    let wanted = shares.reduce(0, +)
    precondition(wanted < Self.positionMax / 2, "\(wanted) samples in one round")
    var free = consumed.free(wanted)[...]
    return shares.map { share in
      var missing = share
      var mine: [Range<UInt64>] = []
      while missing > 0, let first = free.popFirst() {
        let taken = min(missing, first.upperBound - first.lowerBound)
        mine.append(first.lowerBound..<first.lowerBound + taken)
        if first.lowerBound + taken < first.upperBound {
          free = [first.lowerBound + taken..<first.upperBound] + free
        }
        missing -= taken
      }
      return mine
    }
  }

  /// Appends a committed round's record, or throws and changes nothing.
  ///
  /// - Throws: `.sampleTwice` when a position was consumed before, here or in an earlier round;
  ///   `.recordInvalid` when the round is not after the last one, or a limit is passed.
  public mutating func commit(_ record: RoundRecord) throws(DataError) {
    let grown = try union(with: record)
    consumed = grown
    recent.append(record)
    roundCount += 1
    chain = chain.extended(by: record)
    for entry in record.members { totals[entry.member, default: 0] += entry.positions.count }
    forget(keeping: record)
  }

  private func union(with record: RoundRecord) throws(DataError) -> IntervalSet {
    func refuse(_ what: String) -> DataError {
      DataError(
        .recordInvalid, what, at: "round \(record.round)",
        remedy: "The round was not committed; the ledger is unchanged. Please report this.")
    }
    if let lastRound, record.round <= lastRound {
      throw refuse("round \(record.round) cannot follow round \(lastRound)")
    }
    guard record.members.count <= RoundRecord.membersMax else {
      throw refuse("\(record.members.count) members, more than \(RoundRecord.membersMax)")
    }
    var all = consumed
    var before: MemberSamples?
    for entry in record.members {
      let length = entry.member.utf8.count
      guard length >= 1, length <= MemberSamples.memberBytesMax else {
        throw refuse("a member's name has \(length) bytes")
      }
      guard before?.member != entry.member else {
        throw refuse("member \(entry.member) is in the record twice")
      }
      before = entry
      guard entry.positions.end <= Self.positionMax else {
        throw refuse("position \(entry.positions.end - 1) is beyond the last one")
      }
      guard entry.positions.ranges.count <= IntervalSet.rangesMax else {
        throw refuse("\(entry.positions.ranges.count) ranges for member \(entry.member)")
      }
      for range in entry.positions.ranges {
        if let position = all.firstOverlap(with: range) {
          throw twice(position, entry.member, in: record)
        }
      }
      all.formUnion(entry.positions)
    }
    guard all.ranges.count <= IntervalSet.rangesMax else {
      throw refuse("\(all.ranges.count) consumed ranges, more than \(IntervalSet.rangesMax)")
    }
    return all
  }

  private func twice(_ position: UInt64, _ member: String, in record: RoundRecord) -> DataError {
    let earlier: String
    if !consumed.contains(position) {
      let other = record.members.first { $0.positions.contains(position) }?.member ?? "another"
      earlier = "is also \(other)'s"
    } else if let round = recent.last(where: { $0.consumer(of: position) != nil }) {
      earlier = "was consumed in round \(round.round) by \(round.consumer(of: position)!)"
    } else {
      earlier = "was consumed before round \(recent.first?.round ?? 0)"
    }
    return DataError(
      .sampleTwice, "position \(position) of member \(member) \(earlier)",
      at: "round \(record.round)",
      remedy: "The round was not committed; the ledger is unchanged. Please report this.")
  }

  /// Drops what is older than the limits allow; the same on every peer.
  private mutating func forget(keeping record: RoundRecord) {
    while recent.count > Self.recordsMax {
      chainBefore = chainBefore.extended(by: recent.removeFirst())
    }
    guard totals.count > Self.totalsMax else { return }
    let present = Set(record.members.map(\.member))
    for member in totals.keys.sorted() where !present.contains(member) {
      othersTotal += totals.removeValue(forKey: member)!
      if totals.count <= Self.totalsMax { return }
    }
  }
}

extension RoundRecord {
  fileprivate func consumer(of position: UInt64) -> String? {
    members.first { $0.positions.contains(position) }?.member
  }
}

extension ContentHash {
  /// The chain before any record.
  static let genesis = ContentHash(of: Array("ferry sample ledger".utf8))

  /// The chain after one more record.
  func extended(by record: RoundRecord) -> ContentHash {
    var writer = ByteWriter()
    writer.put(raw: bytes)
    record.encode(into: &writer)
    return ContentHash(of: writer.bytes)
  }
}
