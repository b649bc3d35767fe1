// SPDX-License-Identifier: Apache-2.0

/// What an audit of a ledger found.
public struct LedgerAudit: Hashable, Sendable {
  /// Samples consumed.
  public let consumedCount: UInt64
  /// Rounds committed.
  public let roundCount: UInt64
  /// Positions passed over, given out first in the next round; normal after a death.
  public let holes: [Range<UInt64>]
  /// What must not be; empty when the ledger is clean.
  public let problems: [String]

  /// Whether nothing was lost and nothing consumed twice, as far as the ledger reaches.
  public var isClean: Bool { problems.isEmpty }
}

extension SampleLedger {
  /// Checks everything that the ledger says against everything else it says.
  ///
  /// The kept records are disjoint and lie within the consumed positions; the members' totals add
  /// up to them; rounds rise; the chain of hashes leads from before the oldest kept record to the
  /// end. As long as all records are kept, they are also all there is: their union is `consumed`.
  public func audit() -> LedgerAudit {
    var problems: [String] = []
    var seen = IntervalSet()
    var chained = chainBefore
    var perMember: [String: UInt64] = [:]
    var round: UInt64?
    for record in recent {
      if let round, record.round <= round {
        problems.append("round \(record.round) comes after round \(round)")
      }
      round = record.round
      chained = chained.extended(by: record)
      for entry in record.members {
        for range in entry.positions.ranges {
          if let position = seen.firstOverlap(with: range) {
            problems.append(
              "position \(position) is consumed twice, again in round \(record.round)")
          }
          if !consumed.contains(range) {
            problems.append(
              "positions \(range) of round \(record.round) are not among the consumed")
          }
          seen.insert(range)
        }
        // Sums of what 64 bits hold cannot overflow before the ranges themselves would overlap,
        // but a forged ledger may try.
        perMember[entry.member, default: 0] &+= entry.positions.count
      }
    }
    if chained != chain { problems.append("the chain of hashes does not lead to its end") }
    if UInt64(recent.count) > roundCount {
      problems.append("\(recent.count) records of \(roundCount) rounds")
    }
    if consumed.end > Self.positionMax {
      problems.append("position \(consumed.end - 1) is beyond the last one")
    }
    problems += auditTotals(perMember, allRecordsKept: UInt64(recent.count) == roundCount)
    if UInt64(recent.count) == roundCount {
      if chainBefore != .genesis { problems.append("the chain does not start at its beginning") }
      if seen != consumed {
        problems.append("the records hold \(seen.count) positions of \(consumed.count) consumed")
      }
    }
    return LedgerAudit(
      consumedCount: consumed.count, roundCount: roundCount, holes: consumed.holes,
      problems: problems)
  }

  private func auditTotals(
    _ perMember: [String: UInt64], allRecordsKept: Bool
  ) -> [String] {
    var problems: [String] = []
    var sum = othersTotal
    for total in totals.values {
      let (next, overflow) = sum.addingReportingOverflow(total)
      if overflow { return ["the members' totals are beyond 64 bits"] }
      sum = next
    }
    if sum != consumed.count {
      problems.append("the members' totals are \(sum) samples, \(consumed.count) were consumed")
    }
    // Once totals were added up for want of room, a member's own may be younger than its records.
    guard othersTotal == 0 else { return problems }
    for (member, count) in perMember.sorted(by: { $0.key < $1.key }) {
      let total = totals[member] ?? 0
      if total < count || (allRecordsKept && total != count) {
        problems.append("member \(member) has a total of \(total), its records hold \(count)")
      }
    }
    return problems
  }
}
