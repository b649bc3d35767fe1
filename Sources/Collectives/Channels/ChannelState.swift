// SPDX-License-Identifier: Apache-2.0

import FerryPeers

/// What one member knows of one channel.
struct ChannelState: Sendable {
  /// A call that is not finished.
  struct Waiting: Sendable {
    let id: UInt64
    var call: Call
    let until: Duration
    /// Its caller was told an outcome already: the deadline passed, or it was cancelled.
    var isAbandoned = false
    /// Why this member will not take part, when its turn comes; empty when it will.
    var refusal = ""
  }

  /// The last operation that is done.
  var committed: UInt64 = 0
  /// The caller's next call will have this number.
  var nextNumber: UInt64 = 1
  var calls: [UInt64: Waiting] = [:]
  /// The try at the operation after `committed`.
  var exchange: Exchange?
  /// The view in which that one began, and who takes part: fixed from then on.
  var begun: (view: UInt64, members: [Member])?
  /// What all said in the last operation, where it was over with that: kept for members who missed
  /// some of it when another was lost.
  var told: (stage: GroupMessage.Stage, said: [GroupMessage.Ready])?
  /// The digest of the last result, where it was not compared.
  var lastDigest: [UInt8] = []
  /// The coming operation is over for others, who have handed out its result.
  var missed: Missed?
  /// Its outcome, once this member holds the result.
  var outcome: Result<CallOutcome, CollectiveError>?
  /// Messages that came before this member was there.
  var early: [(from: Member, stage: GroupMessage.Stage, message: GroupMessage)] = []

  /// The last call's operation in words: the next call's is the same, mostly.
  var described: (operation: Operation, text: String)?

  /// What a call means, in words.
  mutating func meaning(of call: Call) -> String {
    if described?.operation != call.operation {
      described = (call.operation, "\(call.operation)")
    }
    return call.meaning(described!.text)
  }

  /// What decides whether the coming operation stands if the view changes now.
  func standing(of me: Member) -> ExchangeStanding {
    ExchangeStanding(
      committed: committed, view: begun?.view ?? 0, participants: begun?.members ?? [],
      held: exchange?.dones[me])
  }

  mutating func conclude() {
    committed += 1
    nextNumber = max(nextNumber, committed + 1)
    (told, lastDigest) = (nil, [])
    if let exchange, exchange.isWhole {
      (told, lastDigest) = ((exchange.stage, exchange.said), exchange.dones[exchange.me] ?? [])
    }
    (exchange, begun, outcome, missed) = (nil, nil, nil, nil)
    early.removeAll { $0.stage.round <= committed }
  }
}
