// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryCodecs

/// Every rank ends with the values of all ranks, in rank order and with the same bits everywhere.
///
/// Each rank sends its values to all others itself: one hop, and the bytes of a ring.
public struct AllGather: CollectiveMachine {
  private let rank: Int
  private let seed: Seed
  private let segments: Segments
  private let work: Piecework
  private var values: [Float]
  private var finished: PieceSet

  /// - Parameters:
  ///   - rank: this member's place, in `0..<counts.count`.
  ///   - values: what this rank gives.
  ///   - counts: how many values each rank gives, agreed by all; `counts[rank]` is `values.count`.
  ///   - codec: a lossy one costs one rounding, at all ranks alike, the giver included.
  ///   - seed: for codecs that round at random.
  public init(
    rank: Int, values: [Float], counts: [Int], codec: any Codec, seed: Seed,
    pieceElements: Int = 65_536
  ) {
    precondition(
      counts.indices.contains(rank) && counts[rank] == values.count
        && counts.allSatisfy { $0 >= 0 },
      "rank \(rank) gives \(values.count) values where \(counts) were agreed")
    self.rank = rank
    self.seed = seed
    segments = Segments(counts: counts, pieceElements: pieceElements)
    work = Piecework(codec: codec)
    self.values = Array(repeating: 0, count: segments.count)
    Arithmetic.copy(
      values, 0..<values.count, to: &self.values, at: segments.range(rank).lowerBound)
    finished = PieceSet(count: segments.pieceCount)
    // Alone, nothing is sent, and so nothing needs to be rounded.
    if counts.count == 1 { for index in 0..<segments.pieceCount { finished.insert(index) } }
  }

  public var isDone: Bool { finished.missing == 0 }
  /// The values of all ranks, one after another, once all are here.
  public var result: [Float]? { isDone ? values : nil }
  public var awaited: [Int] {
    (0..<segments.segmentCount).filter { other in
      other != rank
        && segments.pieces(other).contains { !finished.contains(segments.index(other, $0)) }
    }
  }

  public mutating func start() throws(CollectiveError) -> [Outgoing] {
    let world = segments.segmentCount
    guard world > 1 else { return [] }
    var outgoing: [Outgoing] = []
    for piece in segments.pieces(rank) {
      let chunk = try work.encodeAndAdopt(
        &values, segments.range(rank, piece), as: .allGather, rank, piece,
        seed: seed.derived("all-gather", UInt64(rank), UInt64(piece)))
      finished.insert(segments.index(rank, piece))
      outgoing += (1..<world).map { Outgoing(to: (rank + $0) % world, chunk) }
    }
    return outgoing
  }

  public mutating func receive(
    _ chunk: Chunk, from rank: Int
  ) throws(CollectiveError) -> [Outgoing] {
    guard chunk.phase == .allGather else {
      throw .refusing(.unexpectedChunk, chunk, from: rank, "an all-gather has no such phase")
    }
    try work.check(chunk, from: rank, in: segments)
    guard rank == chunk.segment, rank != self.rank else {
      throw .refusing(
        .wrongSender, chunk, from: rank,
        "the values of rank \(chunk.segment) come from rank \(chunk.segment)")
    }
    let index = segments.index(chunk.segment, chunk.piece)
    guard !finished.contains(index) else {
      throw .refusing(.duplicateChunk, chunk, from: rank, "this piece came before")
    }
    try work.decode(
      chunk, from: rank, to: &values, segments.range(chunk.segment, chunk.piece))
    finished.insert(index)
    return []
  }
}
