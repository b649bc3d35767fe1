// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryCodecs

/// Every rank ends with the root's values, with the same bits everywhere, the root included.
///
/// Large vectors go down a chain that starts at the root, piece by piece: no link carries them more
/// than once, and all work at the same time. Vectors of one piece go from the root to all at once.
public struct Broadcast: CollectiveMachine {
  private let rank: Int
  private let root: Int
  private let world: Int
  private let seed: Seed
  private let segments: Segments
  private let work: Piecework
  private var values: [Float]
  private var finished: PieceSet

  /// - Parameters:
  ///   - rank: this member's place, in `0..<world`.
  ///   - root: whose values are sent, in `0..<world`.
  ///   - values: the root's values; what other ranks give is only counted: as many as the root's.
  ///   - codec: a lossy one costs one rounding, at all ranks alike.
  ///   - seed: for codecs that round at random.
  public init(
    rank: Int, root: Int, world: Int, values: [Float], codec: any Codec, seed: Seed,
    pieceElements: Int = 65_536
  ) {
    precondition(
      (0..<world).contains(rank) && (0..<world).contains(root),
      "rank \(rank), root \(root) in a world of \(world)")
    self.rank = rank
    self.root = root
    self.world = world
    self.seed = seed
    segments = Segments(counts: [values.count], pieceElements: pieceElements)
    work = Piecework(codec: codec)
    self.values = values
    finished = PieceSet(count: segments.pieceCount)
    if world == 1 { for index in 0..<segments.pieceCount { finished.insert(index) } }
  }

  public var isDone: Bool { finished.missing == 0 }
  /// The root's values, once all are here.
  public var result: [Float]? { isDone ? values : nil }
  public var awaited: [Int] { isDone || rank == root ? [] : [parent] }

  private var isStar: Bool { segments.pieceCount <= 1 }
  private var parent: Int { isStar ? root : (rank + world - 1) % world }

  private var children: [Int] {
    if isStar { return rank == root ? (1..<world).map { (root + $0) % world } : [] }
    let next = (rank + 1) % world
    return next == root ? [] : [next]
  }

  public mutating func start() throws(CollectiveError) -> [Outgoing] {
    guard rank == root, world > 1 else { return [] }
    var outgoing: [Outgoing] = []
    for piece in segments.pieces(0) {
      let chunk = try work.encodeAndAdopt(
        &values, segments.range(0, piece), as: .broadcast, 0, piece,
        seed: seed.derived("broadcast", UInt64(piece)))
      finished.insert(piece)
      outgoing += children.map { Outgoing(to: $0, chunk) }
    }
    return outgoing
  }

  public mutating func receive(
    _ chunk: Chunk, from rank: Int
  ) throws(CollectiveError) -> [Outgoing] {
    guard chunk.phase == .broadcast else {
      throw .refusing(.unexpectedChunk, chunk, from: rank, "a broadcast has no such phase")
    }
    guard self.rank != root, rank == parent else {
      throw .refusing(
        .wrongSender, chunk, from: rank, "rank \(self.rank) does not listen to rank \(rank)")
    }
    try work.check(chunk, from: rank, in: segments)
    guard !finished.contains(chunk.piece) else {
      throw .refusing(.duplicateChunk, chunk, from: rank, "this piece came before")
    }
    try work.decode(chunk, from: rank, to: &values, segments.range(0, chunk.piece))
    finished.insert(chunk.piece)
    return children.map { Outgoing(to: $0, chunk) }
  }
}
