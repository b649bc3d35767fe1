// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import FerryLearning
import FerryPeers

/// What all members know alike about the run besides tensors: the step number, which samples were
/// consumed, and which are dealt to whom.
///
/// Changed only by landed rounds, in their order, from their records: so it has the same bytes on
/// all members, and travels in the note of the shared state.
package struct RunBook: Sendable, Equatable {
  /// Samples dealt to one member for one round, as far as they are not yet reported.
  struct Hand: Sendable, Equatable {
    let member: Member
    var positions: Positions
  }

  struct Deal: Sendable, Equatable {
    let round: UInt64
    var hands: [Hand]
  }

  /// More runs of positions are not dealt to one member in one round: its note must stay short.
  static let rangesPerHandMax = 1024
  static let dealsMax = 64

  /// The number of the next inner step, over the whole run.
  private(set) var steps: UInt64 = 0
  private(set) var ledger = SampleLedger()
  /// By round, ascending: the coming one, and those that may still be reported.
  private(set) var deals: [Deal] = []

  init() {}

  /// A book as a checkpoint keeps it: nothing is dealt.
  init(steps: UInt64, ledger: SampleLedger) {
    self.steps = steps
    self.ledger = ledger
  }

  /// All positions consumed so far.
  var consumed: Positions { Positions(ledger.consumed.ranges) }

  /// What was dealt to a member for a round; nil when the round was not dealt in this book.
  func hand(of member: Member, round: UInt64) -> Positions? {
    guard let deal = deals.first(where: { $0.round == round }) else { return nil }
    return deal.hands.first { $0.member == member }?.positions ?? Positions()
  }

  /// Everything dealt to a member up to a round that it may still report.
  func outstanding(of member: Member, through round: UInt64) -> Positions {
    deals.reduce(into: Positions()) { all, deal in
      guard deal.round <= round else { return }
      for hand in deal.hands where hand.member == member { all.formUnion(hand.positions) }
    }
  }

  /// Who would get which samples: lowest free positions first, so that holes are filled before new
  /// ground is taken.
  func dealing(_ counts: [Int], to members: [Member]) -> [Hand] {
    precondition(counts.count == members.count, "\(counts.count) quotas, \(members.count) members")
    var taken = consumed
    for deal in deals { for hand in deal.hands { taken.formUnion(hand.positions) } }
    return zip(members, counts).map { member, count in
      let free = taken.lowestFree(count, rangesMax: Self.rangesPerHandMax)
      taken.formUnion(free)
      return Hand(member: member, positions: free)
    }
  }

  /// Takes in a landed round's record, and deals for the next.
  ///
  /// Of what a member reports only what is its own and nobody consumed before counts: a lie can
  /// neither consume a fellow's samples nor any sample twice.
  ///
  /// - Returns: how many samples each report counted for.
  /// - Throws: when the ledger has grown beyond its limits.
  mutating func land(
    round: UInt64, reports: [(member: Member, positions: Positions)], steps stepsMade: Int,
    batchSize: Int, lag: Int, next: (members: [Member], counts: [Int])
  ) throws -> [Int] {
    var consumed = consumed
    // Of a round that this book did not deal (the first since the run was founded or resumed) it
    // is known only how far its hands can have reached.
    let reach = ledger.consumed.end + UInt64(View.membersMax * stepsMade * batchSize)
    let isDealt = deals.contains { $0.round == round }
    let counted = reports.map { report -> Positions in
      var mine = report.positions.subtracting(consumed)
      mine.formIntersection(
        isDealt
          ? outstanding(of: report.member, through: round)
          : Positions(0..<reach))
      consumed.formUnion(mine)
      return mine
    }
    var byName: [String: Positions] = [:]
    for (report, mine) in zip(reports, counted) {
      byName[report.member.id.description, default: Positions()].formUnion(mine)
    }
    try ledger.commit(
      RoundRecord(
        round: round,
        members: byName.map { MemberSamples(member: $0, ranges: Array($1.ranges)) }))
    deals.removeAll { $0.round + UInt64(lag) <= round }
    for d in deals.indices {
      for h in deals[d].hands.indices {
        deals[d].hands[h].positions.subtract(consumed)
      }
    }
    steps += UInt64(stepsMade)
    deals.append(Deal(round: round + 1, hands: dealing(next.counts, to: next.members)))
    return counted.map(\.sampleCount)
  }

  /// Forgets what was dealt: after a restart its holders are other lives of their peers.
  mutating func forgetDeals() { deals = [] }

  // MARK: Bytes

  package var bytes: [UInt8] {
    var writer = ByteWriter()
    encode(into: &writer)
    return writer.bytes
  }

  private func encode(into writer: inout ByteWriter) {
    writer.put(steps)
    writer.put(run: ledger.encoded())
    writer.put(each: deals) { writer, deal in
      writer.put(deal.round)
      writer.put(each: deal.hands) { writer, hand in
        writer.put(raw: hand.member.id.bytes)
        writer.put(hand.member.incarnation)
        hand.positions.encode(into: &writer)
      }
    }
  }

  package init(from reader: inout ByteReader) throws {
    steps = try reader.number()
    ledger = try SampleLedger(
      decoding: try reader.run(max: SampleLedger.byteCountMax), place: "ledger of the shared state")
    deals = try reader.each(max: Self.dealsMax, byteCountMin: 12) {
      reader throws(MalformedMessage) in
      let round: UInt64 = try reader.number()
      let hands = try reader.each(max: View.membersMax, byteCountMin: 44) {
        reader throws(MalformedMessage) in
        let id = PeerID(bytes: try reader.raw(PeerID.byteCount))!
        return Hand(
          member: Member(id: id, incarnation: try reader.number()),
          positions: try Positions(from: &reader, max: Self.rangesPerHandMax))
      }
      return Deal(round: round, hands: hands)
    }
  }
}
