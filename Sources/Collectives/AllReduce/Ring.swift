// SPDX-License-Identifier: Apache-2.0

/// The ring all-reduce: each rank speaks only to the next, and every link carries the same bytes.
///
/// Segment `s` belongs to rank `s`. Its partial sum starts at rank `s + 1` and goes round, each
/// rank adding its values, until it is complete at rank `s`; from there the result goes round once more.
/// Each piece goes on as soon as it was added, so that links and processors work at the same time.
///
/// The sum's order is the ring's, whatever the order of arrival. The result's bytes are forwarded
/// verbatim, and the owner adopts what its own bytes decode to: all ranks hold the same bits, for
/// lossy codecs too. A lossy codec's error grows by one rounding a hop; `Direct` has two in all.
///
/// A rank sends `2 (W − 1) / W` times the encoded vector, in `2 (W − 1)` hops. Ranks of weight 0
/// forward partial sums as they came, and a sum starts at the first rank that has something to add.
///
/// - Note: Patarasuk and Yuan 2009, §3.
public struct Ring: AllReduceMachine {
  private let reduction: Reduction
  private let segments: Segments
  private let next: Int
  private let previous: Int
  private let work: Piecework
  private var values: [Float]
  /// For each segment, the hops its sum makes before this rank adds to it.
  private let hops: [Int]
  /// For each segment, the hops before the first rank with a weight; those before send nothing.
  private let hopsToOrigin: [Int]
  /// The pieces to whose sum this rank has done its part.
  private var added: PieceSet
  /// The pieces whose result is here.
  private var finished: PieceSet

  public init(_ values: [Float], in reduction: Reduction) {
    let world = reduction.world
    let rank = reduction.rank
    self.reduction = reduction
    segments = Segments(
      count: values.count, world: world, pieceElements: reduction.pieceElements)
    next = (rank + 1) % world
    previous = (rank + world - 1) % world
    work = Piecework(codec: reduction.codec, prefix: reduction.chunkPrefix)
    self.values = reduction.scaled(values)
    hops = (0..<world).map { (rank - $0 - 1 + world) % world }
    hopsToOrigin = (0..<world).map { segment in
      (0..<world).first { reduction.weights[(segment + 1 + $0) % world] > 0 }!
    }
    added = PieceSet(count: segments.pieceCount)
    finished = PieceSet(count: segments.pieceCount)
    if world == 1 {
      Arithmetic.divide(&self.values, 0..<values.count, by: reduction.divisor)
      for index in 0..<segments.pieceCount { finished.insert(index) }
    }
    for segment in 0..<world where hops[segment] < hopsToOrigin[segment] {
      for piece in segments.pieces(segment) { added.insert(segments.index(segment, piece)) }
    }
  }

  public var isDone: Bool { finished.missing == 0 }
  public var awaited: [Int] { isDone ? [] : [previous] }
  public var result: [Float]? { isDone ? values : nil }

  public mutating func start() throws(CollectiveError) -> [Outgoing] {
    guard reduction.world > 1 else { return [] }
    var outgoing: [Outgoing] = []
    for segment in 0..<reduction.world where hops[segment] == hopsToOrigin[segment] {
      for piece in segments.pieces(segment) {
        outgoing.append(try passOn(segment, piece))
      }
    }
    return outgoing
  }

  public mutating func receive(
    _ chunk: Chunk, from rank: Int
  ) throws(CollectiveError) -> [Outgoing] {
    guard rank == previous, reduction.world > 1 else {
      throw .refusing(
        .wrongSender, chunk, from: rank, "rank \(reduction.rank) listens to rank \(previous) only")
    }
    try work.check(chunk, from: rank, in: segments)
    switch chunk.phase {
    case .reduceScatter: return [try receivePartial(chunk)]
    case .allGather: return try receiveFinished(chunk)
    case .broadcast:
      throw .refusing(.unexpectedChunk, chunk, from: rank, "an all-reduce has no such phase")
    }
  }

  private mutating func receivePartial(_ chunk: Chunk) throws(CollectiveError) -> Outgoing {
    let (segment, piece) = (chunk.segment, chunk.piece)
    guard hops[segment] > hopsToOrigin[segment] else {
      throw .refusing(
        .unexpectedChunk, chunk, from: previous, "this segment's sum does not come that way")
    }
    guard !added.contains(segments.index(segment, piece)) else {
      throw .refusing(.duplicateChunk, chunk, from: previous, "this piece was added before")
    }
    let range = segments.range(segment, piece)
    if reduction.contributes {
      try work.add(chunk, from: previous, to: &values, range)
    } else if segment == reduction.rank {
      try work.decode(chunk, from: previous, to: &values, range)
    } else {
      // Nothing to add: the bytes go on as they are, which for a lossy codec saves a rounding.
      added.insert(segments.index(segment, piece))
      return Outgoing(to: next, chunk)
    }
    return try passOn(segment, piece)
  }

  /// This rank's part of the piece's sum is in `values`: sends the sum, or the result, to the next.
  private mutating func passOn(
    _ segment: Int, _ piece: Int
  ) throws(CollectiveError) -> Outgoing {
    let index = segments.index(segment, piece)
    let range = segments.range(segment, piece)
    added.insert(index)
    let phase: Chunk.Phase = segment == reduction.rank ? .allGather : .reduceScatter
    let seed = reduction.seed(phase, segment, piece)
    let chunk: Chunk
    if phase == .allGather {
      if reduction.divisor != 1 { Arithmetic.divide(&values, range, by: reduction.divisor) }
      chunk = try work.encodeAndAdopt(&values, range, as: phase, segment, piece, seed: seed)
      finished.insert(index)
    } else {
      chunk = try work.encode(values, range, as: phase, segment, piece, seed: seed)
    }
    return Outgoing(to: next, chunk)
  }

  private mutating func receiveFinished(_ chunk: Chunk) throws(CollectiveError) -> [Outgoing] {
    let index = segments.index(chunk.segment, chunk.piece)
    guard chunk.segment != reduction.rank else {
      throw .refusing(
        .unexpectedChunk, chunk, from: previous, "this segment's result is made here")
    }
    guard added.contains(index) else {
      throw .refusing(
        .unexpectedChunk, chunk, from: previous, "a result before this rank's part was sent")
    }
    guard !finished.contains(index) else {
      throw .refusing(.duplicateChunk, chunk, from: previous, "this piece's result came before")
    }
    try work.decode(
      chunk, from: previous, to: &values, segments.range(chunk.segment, chunk.piece))
    finished.insert(index)
    return next == chunk.segment ? [] : [Outgoing(to: next, chunk)]
  }
}
