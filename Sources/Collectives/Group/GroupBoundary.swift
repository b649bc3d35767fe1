// SPDX-License-Identifier: Apache-2.0

public import FerryPeers

/// What one member adds to a round.
public struct Contribution: Sendable, Equatable {
  public let round: UInt64
  /// As many as every other member's in this round, also when the weight is 0.
  public let values: [Float]
  /// Its share in the mean, relative to the others'; 0 when there is nothing to add.
  public let weight: Double
  /// Carried to all members in the round's record, at most `GroupLogic.noteBytesMax` bytes.
  public let note: [UInt8]

  public init(round: UInt64, values: [Float], weight: Double, note: [UInt8]) {
    self.round = round
    self.values = values
    self.weight = weight
    self.note = note
  }
}

/// Who took part in a round, with what share, and what it said.
public struct Contributor: Sendable, Equatable {
  public let member: Member
  public let weight: Double
  public let note: [UInt8]

  public init(member: Member, weight: Double, note: [UInt8]) {
    self.member = member
    self.weight = weight
    self.note = note
  }
}

/// A round that all members hold alike: the same bits, the same record.
public struct RoundOutcome: Sendable, Equatable {
  public let round: UInt64
  /// The view in which the round was completed; smaller than the one it was opened in if a
  /// member was lost on the way.
  public let view: View
  /// In the same order on all members.
  public let contributors: [Contributor]
  /// The weighted mean of the contributions. All weights 0: zeros.
  public let values: [Float]

  public init(round: UInt64, view: View, contributors: [Contributor], values: [Float]) {
    self.round = round
    self.view = view
    self.contributors = contributors
    self.values = values
  }
}

/// What the group tells the worker.
public enum GroupNotice: Sendable {
  /// A round begins; the worker may compute for it. Rounds are opened in order, each once; a round
  /// that is repeated because a member was lost is not opened again.
  ///
  /// `view` is the one in which the round before was completed, so that all members share out the
  /// work alike. A newcomer is not in it: it adds nothing to its first round.
  case opened(round: UInt64, view: View)
  /// The others wait: hand in what is done for this round.
  case hurried(round: UInt64)
  /// A round is done. Rounds are committed in order.
  case committed(RoundOutcome)
  /// For a newcomer: the shared state after round `state.round`, fetched and verified.
  case loaded(SharedState)
  /// A member sent bytes outside any round: its word alone, to be checked before use.
  case received([UInt8], from: Member)
  /// What the members of the run have agreed to, as the peer asked tells it.
  case charter([UInt8])
  /// The view changed, and why.
  case changed(View, reason: String)
  /// This peer lost its place and asks to be let in again; `loaded` follows if it is.
  case evicted(reason: String)
  /// A call on a channel is over; each is, once.
  case finished(_ id: UInt64, Result<CallOutcome, CollectiveError>)
  /// This member's part is over: it left.
  case stopped(reason: String)
}
