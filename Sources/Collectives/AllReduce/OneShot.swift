// SPDX-License-Identifier: Apache-2.0

/// The all-reduce in one hop: every rank sends all its values to all others, and every rank adds
/// them up itself, in rank order.
///
/// A rank sends `W − 1` times the encoded vector, which is `W / 2` times what the other algorithms
/// send, and waits once: the right choice where a vector costs less than a hop. A value is encoded
/// once in all. What a rank sends does not depend on the weights, so that a group sends it along
/// with the word that it is ready.
struct OneShot<Element: CollectiveElement>: CollectiveMachine {
  private let reduction: Reduction
  private let pieces: [Range<Int>]
  private let work: Piecework<Element>
  /// This rank's values, then the result's.
  private var values: Gathered<Element>
  /// For each piece and contributor, what it sent, until the piece is added up.
  private var chunks: [Chunk?]
  /// For each piece, how many have come.
  private var arrived: [Int]
  private var finished: PieceSet
  /// The place of each rank among the contributors; nil with weight 0.
  private let places: [Int?]

  init(_ values: [Element], in reduction: Reduction) {
    self.reduction = reduction
    let step = reduction.pieceElements(of: values.count, as: Element.self)
    pieces = stride(from: 0, to: values.count, by: step).map { $0..<min($0 + step, values.count) }
    work = Piecework(reduction)
    self.values = Gathered(values)
    chunks = Array(repeating: nil, count: pieces.count * reduction.contributors.count)
    arrived = Array(repeating: 0, count: pieces.count)
    finished = PieceSet(count: pieces.count)
    places = reduction.places
  }

  var isDone: Bool { finished.missing == 0 }
  var result: [Element]? { isDone ? values.values(0..<values.count) : nil }
  var output: Values? { result.map(Element.wrap) }
  var awaited: [Int] {
    reduction.contributors.enumerated().filter { place, rank in
      rank != reduction.rank
        && arrived.indices.contains {
          !finished.contains($0) && chunks[mark($0, place)] == nil
        }
    }.map(\.element)
  }

  mutating func start() throws(CollectiveError) -> [Outgoing] {
    guard let place = places[reduction.rank] else { return [] }
    var outgoing: [Outgoing] = []
    for (piece, range) in pieces.enumerated() {
      let chunk = try work.encode(
        values.span(range), at: range.lowerBound, as: .reduceScatter, 0, piece,
        seed: reduction.seed(.reduceScatter, 0, piece))
      for step in 1..<max(reduction.world, 1) {
        outgoing.append(Outgoing(to: (reduction.rank + step) % reduction.world, chunk))
      }
      try take(chunk, from: place)
    }
    return outgoing
  }

  mutating func receive(
    _ chunk: Chunk, from rank: Int
  ) throws(CollectiveError) -> [Outgoing] {
    guard chunk.phase == .reduceScatter else {
      throw .refusing(.unexpectedChunk, chunk, from: rank, "one hop has no such phase")
    }
    guard chunk.segment == 0, pieces.indices.contains(chunk.piece) else {
      throw .refusing(
        .unexpectedChunk, chunk, from: rank, "there is no such piece among \(pieces.count)")
    }
    let count = pieces[chunk.piece].count
    try work.checkLength(chunk, from: rank, count: count)
    guard rank != reduction.rank, places.indices.contains(rank), let place = places[rank] else {
      throw .refusing(.wrongSender, chunk, from: rank, "this rank has nothing to contribute")
    }
    guard !finished.contains(chunk.piece), chunks[mark(chunk.piece, place)] == nil else {
      throw .refusing(.duplicateChunk, chunk, from: rank, "this rank's part was taken before")
    }
    // Checked now, while it is known whom to blame.
    try work.checkDecodes(chunk, from: rank, count: count)
    try take(chunk, from: place)
    return []
  }

  private mutating func take(_ chunk: Chunk, from place: Int) throws(CollectiveError) {
    chunks[mark(chunk.piece, place)] = chunk
    arrived[chunk.piece] += 1
    if arrived[chunk.piece] == reduction.contributors.count { try addUp(chunk.piece) }
  }

  /// This rank's own part is decoded like all others', so that every rank adds the same bits.
  private mutating func addUp(_ piece: Int) throws(CollectiveError) {
    let range = pieces[piece]
    for (place, rank) in reduction.contributors.enumerated() {
      guard let chunk = chunks[mark(piece, place)] else {
        preconditionFailure("a piece is missing")
      }
      chunks[mark(piece, place)] = nil
      let scale = reduction.scale(of: rank)
      if place == 0 {
        try work.decode(chunk, from: rank, to: &values, range)
        Arithmetic.scale(&values, range, by: scale)
      } else if scale == 1 {
        try work.fold(chunk, from: rank, to: &values, range)
      } else {
        var part = Gathered([Element](repeating: .zero, count: range.count))
        try work.decode(chunk, from: rank, to: &part, 0..<range.count)
        Arithmetic.scale(&part, 0..<range.count, by: scale)
        work.fold(part.span(0..<range.count), to: &values, range)
      }
    }
    Arithmetic.divide(&values, range, by: reduction.divisor)
    finished.insert(piece)
  }

  private func mark(_ piece: Int, _ place: Int) -> Int {
    piece * reduction.contributors.count + place
  }
}

extension OneShot: AllReduceMachine where Element == Float {}
