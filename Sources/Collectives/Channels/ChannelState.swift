// SPDX-License-Identifier: Apache-2.0

import FerryPeers

/// What one member knows of one channel.
///
/// A class, so that an operation changes it where it lies: as a struct in a dictionary it was copied
/// whole, with all that hangs on it, wherever a part of it was read. Copies of a logic would share it;
/// nobody makes any.
final class ChannelState: @unchecked Sendable {
  // SAFETY: reached through the one `GroupLogic` that made it, which one thread at a time uses.

  /// A call that is not finished.
  final class Waiting {
    let id: UInt64
    let call: Call
    let until: Duration
    /// Its caller was told an outcome already: the deadline passed, or it was cancelled.
    var isAbandoned = false
    /// Why this member will not take part, when its turn comes; empty when it will.
    var refusal = ""

    init(id: UInt64, call: Call, until: Duration) {
      (self.id, self.call, self.until) = (id, call, until)
    }
  }

  /// Its number in messages.
  let number: UInt64
  /// Nil while this member has made no call on it.
  var name: Channel?
  /// The last operation that is done.
  private(set) var committed: UInt64 = 0
  /// The caller's next call will have this number.
  var nextNumber: UInt64 = 1
  var calls: [UInt64: Waiting] = [:]
  /// The try at the operation after `committed`.
  var exchange: Exchange?
  /// The view in which that one began, and who takes part: fixed from then on.
  var begun: (view: UInt64, members: [Member])?
  /// What all said in the last operation, where it was over with that: kept for members who missed
  /// some of it when another was lost.
  private(set) var told: (stage: GroupMessage.Stage, said: [GroupMessage.Ready])?
  /// The digest of the last result, where it was not compared.
  private(set) var lastDigest: [UInt8] = []
  /// The coming operation is over for others, who have handed out its result.
  var missed: Missed?
  /// Its outcome, once this member holds the result.
  var outcome: Result<CallOutcome, CollectiveError>?
  /// Messages that came before this member was there.
  var early: [(from: Member, stage: GroupMessage.Stage, message: GroupMessage)] = []

  /// The last call in words: the next one means the same, mostly.
  private var described: (operation: Operation, count: Int, root: PeerID?, text: String)?

  init(number: UInt64) { self.number = number }

  /// The call whose turn it is in the exchange, which has begun.
  var call: Call { calls[committed + 1]!.call }

  /// For messages.
  var title: String { name.map { "\($0)" } ?? "channel \(number)" }

  /// Whether a peer takes part, as far as is known.
  func includes(_ peer: Member) -> Bool { name?.includes(peer.id) ?? true }

  /// What a call means, in words.
  func meaning(of call: Call) -> String {
    if let last = described, last.operation == call.operation, last.count == call.inputCount,
      last.root == call.root
    {
      return last.text
    }
    let text = call.meaning
    described = (call.operation, call.inputCount, call.root, text)
    return text
  }

  /// What decides whether the coming operation stands if the view changes now.
  func standing(of me: Member) -> ExchangeStanding {
    ExchangeStanding(
      committed: committed, view: begun?.view ?? 0, participants: begun?.members ?? [],
      held: exchange?.digest)
  }

  func conclude() {
    committed += 1
    nextNumber = max(nextNumber, committed + 1)
    (told, lastDigest) = (nil, [])
    if let exchange, exchange.isWhole {
      (told, lastDigest) = ((exchange.stage, exchange.said), exchange.digest ?? [])
    }
    (exchange, begun, outcome, missed) = (nil, nil, nil, nil)
    early.removeAll { $0.stage.round <= committed }
  }

  /// Begins where the group is; what came early is kept.
  func begin(after committed: UInt64) {
    (self.committed, nextNumber, calls) = (committed, committed + 1, [:])
    (exchange, begun, outcome, missed) = (nil, nil, nil, nil)
    (told, lastDigest) = (nil, [])
  }

  /// The group is not this member's any more: whoever still has the channel in hand finds nothing.
  func forget() { (calls, exchange, outcome, missed) = ([:], nil, nil, nil) }
}
