// SPDX-License-Identifier: Apache-2.0

import FerryBasics
package import FerryPeers

/// Who takes part in the run, and what has been synchronized: the same on all peers after every round.
///
/// PCCL lets newcomers in when all peers ask for it, and elects the state that most peers hold; a
/// master decides. Here nobody does: a round of the group brings every peer's call to all others, and
/// all draw the same conclusions. A newcomer gets the agenda as the group's shared state, and waits in
/// every round until the others take it in. All-reduces go beside the rounds, among those taken in.
package struct Agenda: Hashable, Sendable {
  /// What a round meant for those who take part.
  package enum Happening: Hashable, Sendable {
    /// All who wait are in now.
    case tookIn
    /// Whether anybody waits.
    case counted(pending: Bool)
    case optimized
    /// Whose state it is, or why there is none.
    case elected(Result<StateElection.Choice, StateElection.Refusal>)
  }

  /// In the order in which they were taken in.
  package private(set) var accepted: [Member]
  /// Counts the changes of `accepted`: all-reduces before and after have nothing to do with another.
  package private(set) var epoch: UInt64
  /// The last revision that was synchronized; the next one is expected to follow it.
  package private(set) var revision: UInt64?

  /// Nobody is in it yet: its first round takes in whoever is there.
  package init() { self.init(accepted: [], epoch: 0, revision: nil) }

  init(accepted: [Member], epoch: UInt64, revision: UInt64?) {
    (self.accepted, self.epoch, self.revision) = (accepted, epoch, revision)
  }

  /// Draws the conclusions from a round in which these members took part, in the record's order.
  ///
  /// - Returns: what it meant; nil when the peers wait for different things.
  package mutating func advance(_ record: [(member: Member, call: CommonCall?)]) -> Happening? {
    let present = record.map(\.member)
    let staying = accepted.filter(present.contains)
    guard !staying.isEmpty else {
      // The first round; or all who knew anything are gone, and those who waited go on as the run.
      become(present)
      return .tookIn
    }
    become(staying)
    let calls = staying.map { member in record.first { $0.member == member }!.call }
    guard let first = calls[0], calls.allSatisfy({ $0.map(first.isLike) ?? false }) else {
      return nil
    }
    switch first {
    case .updateTopology:
      become(accepted + present.filter { !accepted.contains($0) })
      return .tookIn
    case .arePeersPending: return .counted(pending: present.count > accepted.count)
    case .optimizeTopology: return .optimized
    case .synchronize:
      let offers = calls.compactMap { call in
        if case .synchronize(let offer)? = call { offer } else { nil }
      }
      let election = StateElection(offers, after: revision)
      if case .success(let choice) = election.outcome { revision = choice.revision }
      return .elected(election.outcome)
    }
  }

  private mutating func become(_ members: [Member]) {
    guard members != accepted else { return }
    accepted = members
    epoch += 1
  }
}
