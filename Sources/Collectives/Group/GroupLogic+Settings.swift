// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryCodecs
public import FerryPeers

extension GroupLogic {
  /// What all members of a group must have alike, and where this one starts.
  public struct Settings: Sendable {
    public var codec: CodecKind
    public var algorithm: AllReduceAlgorithm
    public var operation: ReduceOperation
    /// Of the run; codecs that round at random draw from it.
    public var seed: Seed
    /// The first round waits for this many members.
    public var membersMin: Int
    /// What the run is, for newcomers: the owner's bytes.
    public var charter: [UInt8] = []
    public var quorum: Membership.Quorum
    /// More than this an operation gives no member, whatever the others say that they send: 1 GiB.
    public var resultBytesMax = 1 << 30
    /// Whether the links between members are measured, and ways chosen by that.
    public var measuresPaths = true
    public var timing = Membership.Timing()
    public var patience = Patience()

    public init(
      codec: CodecKind = .float32, algorithm: AllReduceAlgorithm = .automatic,
      operation: ReduceOperation = .mean, seed: Seed, membersMin: Int = 1,
      quorum: Membership.Quorum = .living
    ) {
      self.codec = codec
      self.algorithm = algorithm
      self.operation = operation
      self.seed = seed
      self.membersMin = membersMin
      self.quorum = quorum
    }

    /// What all do in a round.
    var round: Operation {
      Operation(.allReduce, reduce: operation, algorithm: algorithm, codec: codec)
    }
  }
}
