// SPDX-License-Identifier: Apache-2.0

public import FerryPeers

/// One member's part in an operation: what is to be done, and what it gives.
public struct Call: Sendable {
  /// Kind, reduction, algorithm and codec: the same in all members' calls.
  public var operation: Operation
  /// What this member gives; nothing where the operation wants nothing of it.
  public var input: Values
  /// What it gives to each, where that differs: `input` is not looked at then. Peers that are not
  /// members any more get nothing, members that are not named neither.
  public var parts: [PeerID: Values]?
  /// Whose values are sent, or who gets them.
  public var root: PeerID?
  /// This member's share, finite and ≥ 0.
  public var weight: Double = 1
  /// Reaches all who take part as it is, at most `GroupLogic.noteBytesMax` bytes.
  public var note: [UInt8] = []

  public init(
    _ operation: Operation, _ input: Values, parts: [PeerID: Values]? = nil, root: PeerID? = nil
  ) {
    self.operation = operation
    self.input = input
    self.parts = parts
    self.root = root
  }
}

/// What came of an operation, and who took part in it.
public struct CallOutcome: Sendable, Equatable {
  /// The number of the operation in its channel, from 1.
  public let number: UInt64
  /// By rank, in the same order on all members. Members lost on the way are not among them.
  public let contributors: [Contributor]
  /// This member's result; empty where it gets none.
  public let values: Values
  /// How many of `values` came from each contributor, where they were gathered; else empty.
  public let counts: [Int]

  public init(number: UInt64, contributors: [Contributor], values: Values, counts: [Int] = []) {
    self.number = number
    self.contributors = contributors
    self.values = values
    self.counts = counts
  }
}
