// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryLearning
import FerrySimulation
import FerryStrategies

/// What all peers of a world have held after each round, and what must be true of it.
///
/// It keeps its own account of the samples, from the records of rounds alone, and compares every
/// peer's ledger with that: nothing lost, nothing twice.
final class History<S: Strategy>: Checker {
  let name = "one history"

  private struct Entry {
    /// Nil after a rewind: what is dealt is forgotten then, and the digest another one.
    var digest: [UInt8]?
    let ledger: ContentHash
    let tensors: [[Float]]
    /// Consumed by this round, and the end of all consumed so far.
    let positions: IntervalSet
    let end: UInt64
  }

  private var entries: [UInt64: Entry] = [:]
  private var consumed = IntervalSet()
  private var readCount: [Int: Int] = [:]
  private var holesNow: [Range<UInt64>] = []
  private(set) var roundLast: UInt64?
  /// A rewind begins with this round: nobody may hold an older one from then on.
  private(set) var roundFirst: UInt64 = 0

  func observe(_ logic: borrowing SimulatedPeer<S>, peer: Int, at: Duration) -> String? {
    let read = readCount[peer] ?? 0
    let count = logic.moments.count
    guard count > read else { return nil }
    readCount[peer] = count
    for index in read..<count {
      if let complaint = add(logic.moments[index]) { return "peer-\(peer): \(complaint)" }
    }
    return nil
  }

  func died(peer: Int, at: Duration) { readCount[peer] = nil }

  private func add(_ moment: SimulatedPeer<S>.Moment) -> String? {
    let round = moment.round
    guard round >= roundFirst else { return "round \(round) is before \(roundFirst)" }
    if let problem = moment.ledger.audit().problems.first { return "round \(round): \(problem)" }
    if let known = entries[round] {
      if known.ledger != moment.ledger.digest { return "another ledger after round \(round)" }
      if known.tensors != moment.tensors { return "other tensors after round \(round)" }
      guard let digest = known.digest else {
        entries[round]?.digest = moment.digest
        return nil
      }
      return digest == moment.digest ? nil : "another state after round \(round)"
    }
    if let roundLast, round != roundLast + 1 {
      return "round \(round) was reached, \(roundLast + 1) never seen"
    }
    var positions = IntervalSet()
    if let record = moment.ledger.recent.last, record.round == round {
      for member in record.members {
        for range in member.positions.ranges {
          if let twice = consumed.firstOverlap(with: range) {
            return "sample \(twice) is consumed again in round \(round)"
          }
          consumed.insert(range)
          positions.insert(range)
        }
      }
    }
    if consumed != moment.ledger.consumed {
      return "the records of all rounds to \(round) and the ledger differ"
    }
    roundLast = round
    holesNow = consumed.holes
    entries[round] = Entry(
      digest: moment.digest, ledger: moment.ledger.digest, tensors: moment.tensors,
      positions: positions, end: consumed.end)
    return nil
  }

  /// Everybody is gone, and the run goes on from a checkpoint: later rounds never happened.
  func rewind(to round: UInt64) {
    entries = entries.filter { $0.key <= round }
    entries[round]?.digest = nil
    consumed = IntervalSet(entries.values.flatMap(\.positions.ranges))
    (roundLast, roundFirst) = (round, round)
  }

  /// How many samples the run has consumed.
  var sampleCount: UInt64 { consumed.count }

  /// Samples passed over more than so many rounds ago, and not consumed since.
  func holes(olderThan rounds: UInt64) -> [Range<UInt64>] {
    guard let roundLast, roundLast > rounds, let entry = entries[roundLast - rounds] else {
      return holesNow
    }
    return holesNow.filter { $0.lowerBound < entry.end }
  }
}
