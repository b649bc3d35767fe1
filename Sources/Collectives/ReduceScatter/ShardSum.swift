// SPDX-License-Identifier: Apache-2.0

/// The sum of one segment at the rank that owns it, in rank order whatever the order of arrival.
///
/// Contributions that arrive before their turn wait encoded, at most one a piece and rank.
struct ShardSum: Sendable {
  /// The sum so far; complete pieces are divided already. Indices count from the segment's start.
  private(set) var sum: [Float]
  private let reduction: Reduction
  private let segments: Segments
  /// This rank's own scaled values of the segment.
  private let own: [Float]
  private let work: Piecework
  /// For each piece, how many contributors were added.
  private var turns: [Int]
  /// For each piece and contributor, whether its chunk came.
  private var came: PieceSet
  private var waiting: [Int: Chunk] = [:]
  /// The pieces that were handed out as complete.
  private var complete: PieceSet
  /// The place of each rank among the contributors; nil with weight 0.
  private let places: [Int?]

  /// `values` are the whole vector, scaled.
  init(_ values: [Float], segments: Segments, reduction: Reduction) {
    self.reduction = reduction
    self.segments = segments
    let range = segments.range(reduction.rank)
    own = reduction.contributes ? Array(values[range]) : []
    sum = Array(repeating: 0, count: range.count)
    work = Piecework(codec: reduction.codec, prefix: reduction.chunkPrefix)
    let pieces = segments.pieces(reduction.rank).count
    turns = Array(repeating: 0, count: pieces)
    came = PieceSet(count: pieces * reduction.contributors.count)
    complete = PieceSet(count: pieces)
    places = reduction.places
  }

  /// The other ranks whose contribution to some piece has not come.
  var awaited: [Int] {
    reduction.contributors.enumerated().filter { place, rank in
      rank != reduction.rank
        && turns.indices.contains { !came.contains(mark($0, place)) }
    }.map(\.element)
  }

  /// Takes a contribution; true when it completed its piece.
  mutating func receive(_ chunk: Chunk, from rank: Int) throws(CollectiveError) -> Bool {
    try work.check(chunk, from: rank, in: segments)
    guard chunk.segment == reduction.rank else {
      throw .refusing(
        .unexpectedChunk, chunk, from: rank,
        "rank \(reduction.rank) sums segment \(reduction.rank) only")
    }
    guard rank != reduction.rank, places.indices.contains(rank), let place = places[rank] else {
      throw .refusing(.wrongSender, chunk, from: rank, "this rank has nothing to contribute")
    }
    let mark = mark(chunk.piece, place)
    guard !came.contains(mark) else {
      throw .refusing(.duplicateChunk, chunk, from: rank, "this rank's part was taken before")
    }
    if turns[chunk.piece] == place {
      try add(chunk, from: rank)
    } else {
      // Checked now, while it is known whom to blame; kept encoded, as that is smaller.
      try work.checkDecodes(
        chunk, from: rank, count: segments.range(chunk.segment, chunk.piece).count)
      waiting[mark] = chunk
    }
    came.insert(mark)
    return try advance(chunk.piece)
  }

  /// Adds what is next in rank order and here; true when that completes the piece.
  mutating func advance(_ piece: Int) throws(CollectiveError) -> Bool {
    let contributors = reduction.contributors
    guard !complete.contains(piece) else { return false }
    let range = range(piece)
    while turns[piece] < contributors.count {
      let turn = turns[piece]
      let rank = contributors[turn]
      if rank == reduction.rank {
        if turn == 0 {
          Arithmetic.copy(own, range, to: &sum, at: range.lowerBound)
        } else {
          Arithmetic.add(own, range, to: &sum, range)
        }
        turns[piece] += 1
      } else if let chunk = waiting.removeValue(forKey: mark(piece, turn)) {
        try add(chunk, from: rank)
      } else {
        return false
      }
    }
    complete.insert(piece)
    if reduction.divisor != 1 { Arithmetic.divide(&sum, range, by: reduction.divisor) }
    return true
  }

  private mutating func add(_ chunk: Chunk, from rank: Int) throws(CollectiveError) {
    if turns[chunk.piece] == 0 {
      try work.decode(chunk, from: rank, to: &sum, range(chunk.piece))
    } else {
      try work.add(chunk, from: rank, to: &sum, range(chunk.piece))
    }
    turns[chunk.piece] += 1
  }

  /// A piece's elements, counted from the segment's start.
  private func range(_ piece: Int) -> Range<Int> {
    let start = segments.range(reduction.rank).lowerBound
    let whole = segments.range(reduction.rank, piece)
    return whole.lowerBound - start..<whole.upperBound - start
  }

  private func mark(_ piece: Int, _ place: Int) -> Int {
    piece * reduction.contributors.count + place
  }
}

extension Reduction {
  /// What this rank contributes to the segments of all others: a piece to each in turn, so that all
  /// owners can begin at once.
  func contributions(
    of values: borrowing [Float], in segments: Segments, by work: Piecework
  ) throws(CollectiveError) -> [Outgoing] {
    guard contributes else { return [] }
    var outgoing: [Outgoing] = []
    let piecesMax = (0..<world).map { segments.pieces($0).count }.max()!
    for piece in 0..<piecesMax {
      for step in 1..<max(world, 1) {
        let owner = (rank + step) % world
        guard segments.has(owner, piece) else { continue }
        let chunk = try work.encode(
          values, segments.range(owner, piece), as: .reduceScatter, owner, piece,
          seed: seed(.reduceScatter, owner, piece))
        outgoing.append(Outgoing(to: owner, chunk))
      }
    }
    return outgoing
  }
}
