// SPDX-License-Identifier: Apache-2.0

/// Who is in the group at one moment, agreed by all of them. Views are numbered from 1, without gaps.
public struct View: Sendable, Hashable {
  /// More than this many members are refused: every member keeps a link to every other.
  public static let membersMax = 128

  public let number: UInt64
  /// By seniority: those who stay keep their order, newcomers come last. The first one admits.
  public let members: [Member]

  public init(number: UInt64, members: [Member]) {
    self.number = number
    self.members = members
  }

  public var coordinator: Member { members[0] }

  /// The index of a member in this view.
  public func rank(of member: Member) -> Int? { members.firstIndex(of: member) }
}

/// What a member knows about rounds; it decides whether an interrupted round stands.
public struct Standing: Sendable, Hashable {
  /// The last round whose result this member has made part of its state.
  public var committed: UInt64
  /// SHA-256 of the shared state after that round; empty until known.
  public var stateDigest: [UInt8]
  /// Whether this member has the shared state after that round; a newcomer first fetches it.
  public var holdsState: Bool
  /// The next round, when this member holds its complete result but does not know that all do.
  public var held: HeldResult?
  /// Beside the rounds, by channel.
  public var exchanges: [UInt64: ExchangeStanding] = [:]
  /// Whether this member has heard everybody without a break since the view began.
  public var isWhole = false

  public init(
    committed: UInt64, stateDigest: [UInt8] = [], holdsState: Bool = true,
    held: HeldResult? = nil
  ) {
    self.committed = committed
    self.holdsState = holdsState
    self.stateDigest = stateDigest
    self.held = held
  }

  /// A round is committed, and the state after it not known yet.
  public mutating func conclude(_ round: UInt64) {
    committed = round
    (stateDigest, held) = ([], nil)
  }
}

/// A round's complete result, not yet known to be complete everywhere.
public struct HeldResult: Sendable, Hashable {
  public var round: UInt64
  /// The view in which it was computed.
  public var view: UInt64
  public var digest: [UInt8]

  public init(round: UInt64, view: UInt64, digest: [UInt8]) {
    self.round = round
    self.view = view
    self.digest = digest
  }
}

/// What the group agrees on when it changes: the next view, and what became of the round under way.
public struct ViewChange: Sendable, Hashable {
  public var view: View
  /// The last committed round; every member of the view has it or holds its result.
  public var committed: UInt64
  /// The digest of that round's result, for members that only hold it.
  public var resultDigest: [UInt8]
  /// One sentence for people; log, status and tests show the same one.
  public var reason: String
  /// Members left out for a fault of theirs: all keep them out for a while.
  public var blamed: [Member]
  /// Beside the rounds, what became of each channel's exchange.
  public var exchanges: [UInt64: ExchangeStanding] = [:]
  /// Nobody was lost, and no frame: exchanges that had begun go on as they are.
  public var isSeamless = false

  public init(
    view: View, committed: UInt64, resultDigest: [UInt8], reason: String, blamed: [Member] = []
  ) {
    self.view = view
    self.committed = committed
    self.resultDigest = resultDigest
    self.reason = reason
    self.blamed = blamed
  }
}

/// The number of an attempt to change a view; a higher one wins.
public struct Ballot: Sendable, Hashable, Comparable {
  public var attempt: UInt32
  public var proposer: Member

  public init(attempt: UInt32, proposer: Member) {
    self.attempt = attempt
    self.proposer = proposer
  }

  public static func < (left: Ballot, right: Ballot) -> Bool {
    (left.attempt, left.proposer) < (right.attempt, right.proposer)
  }
}
