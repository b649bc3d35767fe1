// SPDX-License-Identifier: Apache-2.0

/// What all members hold alike after a round: enough for a newcomer to go on from.
public struct SharedState: Sendable {
  /// The last round that is applied in it; 0 before the first.
  public let round: UInt64
  /// Tensors by name, in an order that is the same on all members.
  public let tensors: [(name: String, values: [Float])]
  /// Whatever else belongs to it: counters, the ledger of samples.
  public let note: [UInt8]

  public init(round: UInt64, tensors: [(name: String, values: [Float])], note: [UInt8]) {
    self.round = round
    self.tensors = tensors
    self.note = note
  }
}
