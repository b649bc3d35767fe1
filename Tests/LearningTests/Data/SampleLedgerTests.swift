// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import Testing

@Suite("SampleLedger")
struct SampleLedgerTests {
  /// A ledger of a run with deaths: rounds in which some members' samples are not consumed.
  static func torn(_ seed: Seed, rounds: UInt64) throws -> SampleLedger {
    var generator = SplitMix64(seed)
    var ledger = SampleLedger()
    for round in 1...rounds {
      let members = Int.random(in: 1...5, using: &generator)
      let shares = ledger.assign(
        members: members, perMember: .random(in: 0...20, using: &generator))
      let entries = shares.enumerated().filter { _ in .random(in: 0..<5, using: &generator) > 0 }
      try ledger.commit(
        RoundRecord(
          round: round, members: entries.map { MemberSamples(member: "p\($0)", ranges: $1) }))
    }
    return ledger
  }

  @Test("nothing is lost and nothing given twice, over deaths", arguments: 0..<100)
  func nothingLost(seed: UInt64) throws {
    var ledger = try Self.torn(Seed(seed), rounds: 80)
    #expect(ledger.audit().isClean)
    #expect(ledger.recent.count == SampleLedger.recordsMax)
    // A last round in which nobody dies fills every hole.
    let missing = ledger.audit().holes.reduce(0) { $0 + $1.upperBound - $1.lowerBound }
    let end = ledger.consumed.end
    let shares = ledger.assign(shares: [missing / 2, missing - missing / 2])
    try ledger.commit(
      RoundRecord(
        round: 81,
        members: [
          MemberSamples(member: "a", ranges: shares[0]),
          MemberSamples(member: "b", ranges: shares[1]),
        ]))
    #expect(ledger.consumed.ranges == (end == 0 ? [] : [0..<end]))
    #expect(ledger.totals.values.reduce(0, +) == end)
    #expect(ledger.audit().holes.isEmpty)
  }

  @Test("assigns disjoint free ranges of the right size, holes first")
  func assigns() throws {
    var ledger = SampleLedger()
    #expect(ledger.assign(members: 3, perMember: 4) == [[0..<4], [4..<8], [8..<12]])
    try ledger.commit(
      RoundRecord(
        round: 1,
        members: [
          MemberSamples(member: "a", ranges: [0..<4]), MemberSamples(member: "c", ranges: [8..<12]),
        ]))
    #expect(ledger.assign(members: 2, perMember: 3) == [[4..<7], [7..<8, 12..<14]])
    #expect(ledger.assign(members: 2, perMember: 0) == [[], []])
    #expect(ledger.assign(members: 0, perMember: 9).isEmpty)
    #expect(ledger.assign(shares: [1, 0, 5]) == [[4..<5], [], [5..<8, 12..<14]])
  }

  private func afterRoundSeven() throws -> SampleLedger {
    var ledger = SampleLedger()
    try ledger.commit(
      RoundRecord(round: 7, members: [MemberSamples(member: "ann", ranges: [10..<20])]))
    return ledger
  }

  @Test("refuses a position consumed before, and names it")
  func refusesEarlier() throws {
    var ledger = try afterRoundSeven()
    let before = ledger
    let error = #expect(throws: DataError.self) {
      try ledger.commit(
        RoundRecord(
          round: 9,
          members: [
            MemberSamples(member: "bob", ranges: [0..<5]),
            MemberSamples(member: "cem", ranges: [5..<6, 15..<30]),
          ]))
    }
    #expect(
      error?.description
        == "sample-twice: position 15 of member cem was consumed in round 7 by ann (round 9). "
        + "The round was not committed; the ledger is unchanged. Please report this.")
    #expect(ledger == before)
  }

  @Test("refuses a position that two members of one round claim")
  func refusesShared() throws {
    var ledger = try afterRoundSeven()
    let error = #expect(throws: DataError.self) {
      try ledger.commit(
        RoundRecord(
          round: 8,
          members: [
            MemberSamples(member: "bob", ranges: [0..<5]),
            MemberSamples(member: "cem", ranges: [4..<6]),
          ]))
    }
    #expect(
      error?.description
        == "sample-twice: position 4 of member cem is also bob's (round 8). "
        + "The round was not committed; the ledger is unchanged. Please report this.")
  }

  @Test("refuses a round that is not after the last one, and a member twice")
  func refusesOrder() throws {
    var ledger = try afterRoundSeven()
    let remedy = "The round was not committed; the ledger is unchanged. Please report this."
    let old = #expect(throws: DataError.self) {
      try ledger.commit(RoundRecord(round: 7, members: []))
    }
    #expect(
      old?.description
        == "record-invalid: round 7 cannot follow round 7 (round 7). \(remedy)")
    let double = #expect(throws: DataError.self) {
      try ledger.commit(
        RoundRecord(
          round: 8,
          members: [
            MemberSamples(member: "bob", ranges: [0..<1]),
            MemberSamples(member: "bob", ranges: [1..<2]),
          ]))
    }
    #expect(
      double?.description
        == "record-invalid: member bob is in the record twice (round 8). \(remedy)")
    let far = #expect(throws: DataError.self) {
      try ledger.commit(
        RoundRecord(
          round: 8, members: [MemberSamples(member: "bob", ranges: [0..<(1 << 62) + 1])]))
    }
    #expect(
      far?.description
        == "record-invalid: position 4611686018427387904 is beyond the last one (round 8). "
        + remedy)
  }

  @Test("stays bounded over 10,000 rounds and 6,000 members")
  func bounded() throws {
    var ledger = SampleLedger()
    for round in 1...10_000 as ClosedRange<UInt64> {
      let share = ledger.assign(members: 1, perMember: 3)[0]
      try ledger.commit(
        RoundRecord(
          round: round, members: [MemberSamples(member: "p\(round % 6000)", ranges: share)]))
    }
    #expect(ledger.totals.count == SampleLedger.totalsMax)
    #expect(ledger.consumed.ranges == [0..<30_000])
    #expect(ledger.othersTotal + ledger.totals.values.reduce(0, +) == 30_000)
    #expect(ledger.audit().isClean)
    #expect(ledger.encoded().count < 100_000)
    #expect(try SampleLedger(decoding: ledger.encoded()) == ledger)
  }

  @Test("equal histories give equal digests, others not")
  func digests() throws {
    #expect(try Self.torn(Seed(1), rounds: 50).digest == Self.torn(Seed(1), rounds: 50).digest)
    var one = SampleLedger()
    var two = SampleLedger()
    for (round, member) in [(1, "a"), (2, "b")] as [(UInt64, String)] {
      try one.commit(
        RoundRecord(
          round: round, members: [MemberSamples(member: member, ranges: [round..<round + 1])]))
    }
    try two.commit(
      RoundRecord(round: 2, members: [MemberSamples(member: "a", ranges: [1..<3])]))
    #expect(one.consumed == two.consumed)
    #expect(one.chain != two.chain)
    #expect(one.digest != two.digest)
  }
}
