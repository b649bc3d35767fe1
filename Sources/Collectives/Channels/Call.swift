// SPDX-License-Identifier: Apache-2.0

public import FerryCodecs
public import FerryPeers
public import FerryTensors

/// One member's part in an operation: what is to be done, and what it gives.
///
/// ```swift
/// .allReduce(.f32(gradient), .mean)
/// .broadcast(.f32(weights), from: root)
/// .allToAll([peer: .i32(tokens)], of: .i32)
/// ```
public struct Call: Sendable {
  /// The same in all members' calls. Ends are named by `root` and `destination` here, not by rank.
  public var operation: Operation
  /// What this member gives.
  public var input: Values
  /// In place of `input`, which is empty then: where the result goes, too.
  package private(set) var lent: LentMemory?
  /// What it gives to each, in scatter and all-to-all; those not named get nothing.
  public var parts: [PeerID: Values] = [:]
  /// Whose values are sent, or who gets them.
  public var root: PeerID?
  /// Who gets what the root sends, in send.
  public var destination: PeerID?
  /// This member's share, finite and ≥ 0; see `ReduceOperation`.
  public var weight: Double = 1
  /// Reaches all who take part as it is, at most `GroupLogic.noteBytesMax` bytes.
  public var note: [UInt8] = []

  private init(_ kind: Operation.Kind, _ input: Values, root: PeerID? = nil) {
    operation = Operation(kind, elementType: input.elementType)
    self.input = input
    self.root = root
  }

  /// How many values it gives.
  var inputCount: Int { lent?.count ?? input.count }

  /// An all-reduce in a caller's memory, which has the result once the call has succeeded, and is as
  /// it was after a failure. The outcome's values are empty, unless a way was taken that does not work
  /// piece by piece: then they are the result, and the memory is as it was.
  ///
  /// For codecs that keep all bits: the others look at all values before.
  package static func allReduce(lent: LentMemory) -> Call {
    var call = Call(.allReduce, Values(lent.elementType))
    call.lent = lent
    return call
  }

  /// All end with what `reduce` makes of all members' values: as many from each.
  public static func allReduce(
    _ values: Values, _ reduce: ReduceOperation = .sum, weight: Double = 1,
    codec: CodecKind = .float32, algorithm: AllReduceAlgorithm = .automatic
  ) -> Call {
    var call = Call(.allReduce, values)
    call.operation.reduce = reduce
    call.operation.codec = codec
    call.operation.algorithm = algorithm
    call.weight = weight
    return call
  }

  /// Each ends with its own segment of that: one a member, in the order of the outcome's contributors.
  public static func reduceScatter(
    _ values: Values, _ reduce: ReduceOperation = .sum, weight: Double = 1,
    codec: CodecKind = .float32, algorithm: AllReduceAlgorithm = .automatic
  ) -> Call {
    var call = allReduce(values, reduce, weight: weight, codec: codec, algorithm: algorithm)
    call.operation.kind = .reduceScatter
    return call
  }

  /// All end with all members' values, one member's after the other's: see `CallOutcome.parts`.
  public static func allGather(
    _ values: Values, codec: CodecKind = .float32, algorithm: AllReduceAlgorithm = .automatic
  ) -> Call {
    var call = Call(.allGather, values)
    call.operation.codec = codec
    call.operation.algorithm = algorithm
    return call
  }

  /// All end with the root's values; those of others are not looked at, but for their type.
  public static func broadcast(
    _ values: Values, from root: PeerID, codec: CodecKind = .float32,
    algorithm: AllReduceAlgorithm = .automatic
  ) -> Call {
    var call = Call(.broadcast, values, root: root)
    call.operation.codec = codec
    call.operation.algorithm = algorithm
    return call
  }

  /// The root ends with all members' values: see `CallOutcome.parts`.
  public static func gather(_ values: Values, to root: PeerID) -> Call {
    Call(.gather, values, root: root)
  }

  /// Each ends with its part of what the root gives; the others give no parts.
  public static func scatter(
    _ parts: [PeerID: Values] = [:], of type: ElementType, from root: PeerID
  ) -> Call {
    var call = Call(.scatter, Values(type), root: root)
    call.parts = parts
    return call
  }

  /// Each ends with its part of what every member gives: see `CallOutcome.parts`.
  public static func allToAll(_ parts: [PeerID: Values], of type: ElementType) -> Call {
    var call = Call(.allToAll, Values(type))
    call.parts = parts
    return call
  }

  /// Ends for nobody before all have made this call.
  public static var barrier: Call { Call(.barrier, .f32([])) }

  /// For a channel that leads from this peer to another.
  public static func send(
    _ values: Values, from sender: PeerID, to receiver: PeerID, codec: CodecKind = .float32
  ) -> Call {
    var call = Call(.send, values, root: sender)
    call.destination = receiver
    call.operation.codec = codec
    return call
  }

  /// The other end of it.
  public static func receive(
    _ type: ElementType, from sender: PeerID, by receiver: PeerID, codec: CodecKind = .float32
  ) -> Call {
    send(Values(type), from: sender, to: receiver, codec: codec)
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

  /// What came from each contributor, where it was gathered; else empty.
  public var parts: [(from: Member, values: Values)] {
    var start = 0
    return zip(contributors, counts).map { contributor, count in
      defer { start += count }
      return (contributor.member, values[start..<start + count])
    }
  }
}
