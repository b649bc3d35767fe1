// SPDX-License-Identifier: Apache-2.0

/// The all-reduce in two hops: every rank sends each segment to the rank that owns it, which adds
/// them in rank order and sends the result to all.
///
/// A value is encoded twice in all, once as a contribution and once as a part of the result,
/// whatever the number of ranks: the right choice for lossy codecs. The bytes are a ring's; the
/// hops are 2 instead of `2 (W − 1)`, so it is also the right choice for small vectors. It needs a
/// link between each two ranks.
public struct Direct: AllReduceMachine {
  private let reduction: Reduction
  private let segments: Segments
  private let work: Piecework
  /// This rank's contributions until they are sent, and results as they come.
  private var values: [Float]
  private var shard: ShardSum
  private var finished: PieceSet
  private var hasSent: Bool

  public init(_ values: [Float], in reduction: Reduction) {
    self.reduction = reduction
    segments = Segments(
      count: values.count, world: reduction.world, pieceElements: reduction.pieceElements)
    work = Piecework(codec: reduction.codec, prefix: reduction.chunkPrefix)
    self.values = reduction.scaled(values)
    shard = ShardSum(self.values, segments: segments, reduction: reduction)
    finished = PieceSet(count: segments.pieceCount)
    hasSent = !reduction.contributes
    if reduction.world == 1 {
      Arithmetic.divide(&self.values, 0..<values.count, by: reduction.divisor)
      for index in 0..<segments.pieceCount { finished.insert(index) }
    }
  }

  public var isDone: Bool { finished.missing == 0 }
  public var result: [Float]? { isDone ? values : nil }

  public var awaited: [Int] {
    let late = shard.awaited
    return (0..<reduction.world).filter { rank in
      guard rank != reduction.rank else { return false }
      return late.contains(rank)
        || segments.pieces(rank).contains { !finished.contains(segments.index(rank, $0)) }
    }
  }

  public mutating func start() throws(CollectiveError) -> [Outgoing] {
    guard reduction.world > 1 else { return [] }
    var outgoing = try reduction.contributions(of: values, in: segments, by: work)
    hasSent = true
    // A piece is complete before anything came where no other rank has a weight.
    for piece in segments.pieces(reduction.rank) where try shard.advance(piece) {
      outgoing += try finish(piece)
    }
    return outgoing
  }

  public mutating func receive(
    _ chunk: Chunk, from rank: Int
  ) throws(CollectiveError) -> [Outgoing] {
    switch chunk.phase {
    case .reduceScatter:
      return try shard.receive(chunk, from: rank) ? finish(chunk.piece) : []
    case .allGather:
      try receiveFinished(chunk, from: rank)
      return []
    case .broadcast:
      throw .refusing(.unexpectedChunk, chunk, from: rank, "an all-reduce has no such phase")
    }
  }

  /// A piece of this rank's segment is summed: sends the result to all others.
  private mutating func finish(_ piece: Int) throws(CollectiveError) -> [Outgoing] {
    let segment = reduction.rank
    let range = segments.range(segment, piece)
    let start = segments.range(segment).lowerBound
    Arithmetic.copy(
      shard.sum, range.lowerBound - start..<range.upperBound - start, to: &values,
      at: range.lowerBound)
    let chunk = try work.encodeAndAdopt(
      &values, range, as: .allGather, segment, piece,
      seed: reduction.seed(.allGather, segment, piece))
    finished.insert(segments.index(segment, piece))
    return (1..<reduction.world).map { Outgoing(to: (segment + $0) % reduction.world, chunk) }
  }

  private mutating func receiveFinished(
    _ chunk: Chunk, from rank: Int
  ) throws(CollectiveError) {
    try work.check(chunk, from: rank, in: segments)
    guard rank == chunk.segment, rank != reduction.rank else {
      throw .refusing(
        .wrongSender, chunk, from: rank,
        "the result of segment \(chunk.segment) comes from rank \(chunk.segment)")
    }
    guard hasSent else {
      throw .refusing(
        .unexpectedChunk, chunk, from: rank, "a result before this rank's part was sent")
    }
    let index = segments.index(chunk.segment, chunk.piece)
    guard !finished.contains(index) else {
      throw .refusing(.duplicateChunk, chunk, from: rank, "this piece's result came before")
    }
    try work.decode(
      chunk, from: rank, to: &values, segments.range(chunk.segment, chunk.piece))
    finished.insert(index)
  }
}
