// SPDX-License-Identifier: Apache-2.0

/// Each rank ends with its own segment of the weighted sum or mean, summed in rank order.
///
/// The first half of `Direct`: a contribution is encoded once, and the result never.
public struct ReduceScatter: CollectiveMachine {
  private let reduction: Reduction
  private let segments: Segments
  private let values: [Float]
  private var shard: ShardSum
  private var unfinished: Int

  /// `values` are this rank's contribution to all segments; all ranks give the same count.
  public init(_ values: [Float], in reduction: Reduction) {
    self.reduction = reduction
    segments = Segments(
      count: values.count, world: reduction.world, pieceElements: reduction.pieceElements)
    self.values = reduction.scaled(values)
    shard = ShardSum(self.values, segments: segments, reduction: reduction)
    unfinished = segments.pieces(reduction.rank).count
  }

  /// The elements of the whole vector that are this rank's segment.
  public var range: Range<Int> { segments.range(reduction.rank) }
  /// This rank's segment of the result, once it is complete.
  public var result: [Float]? { isDone ? shard.sum : nil }
  public var isDone: Bool { unfinished == 0 }
  public var awaited: [Int] { isDone ? [] : shard.awaited }

  public mutating func start() throws(CollectiveError) -> [Outgoing] {
    let outgoing = try reduction.contributions(
      of: values, in: segments, by: Piecework(codec: reduction.codec, prefix: reduction.chunkPrefix)
    )
    for piece in segments.pieces(reduction.rank) where try shard.advance(piece) { unfinished -= 1 }
    return outgoing
  }

  public mutating func receive(
    _ chunk: Chunk, from rank: Int
  ) throws(CollectiveError) -> [Outgoing] {
    guard chunk.phase == .reduceScatter else {
      throw .refusing(.unexpectedChunk, chunk, from: rank, "a reduce-scatter has no such phase")
    }
    if try shard.receive(chunk, from: rank) { unfinished -= 1 }
    return []
  }
}
