// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// The machine behind nearly all operations: it moves segments along their legs, piece by piece.
///
/// Each piece goes on as soon as it may, so that links and processors work at the same time. A sum
/// has one order, the legs', whatever the order of arrival: partial sums that come before their
/// turn wait encoded. Finished pieces are encoded once, by the rank that completes them, which
/// adopts what its own bytes decode to, and travel on verbatim: all ranks hold the same bits, for
/// lossy codecs too.
struct Relay<Element: CollectiveElement>: CollectiveMachine {
  private let terms: Reduction
  private let work: Piecework<Element>
  /// By segment number.
  private let legs: [Leg]
  /// For each leg, the number of pieces before its first; and of all.
  private let piecesBefore: [Int]
  private let pieceElements: Int
  /// What finished pieces are called.
  private let spreadPhase: Chunk.Phase
  private let resultRange: Range<Int>
  /// What this rank adds, where it does not lie in `values`: never written to.
  private let given: Given<Element>
  private var values: Gathered<Element>
  /// For each piece, how many of its sources were added.
  private var turns: [Int]
  /// By piece and source, what came before its turn.
  private var waiting: [Turn: Chunk] = [:]
  /// The pieces that this rank has done its part for, on their way up.
  private var passed: PieceSet
  /// The pieces whose finished values are here, or never will be.
  private var finished: PieceSet
  private var sums: FingerprintInParts?
  /// What this rank will give to sums, a piece for each that comes; the next one last.
  private var held: [(at: Int, piece: Int)] = []

  /// Pieces that go before any has come, where they would only grow cold in queues: those of links that
  /// are faster than processors.
  private static var piecesAhead: Int { 2 }

  private struct Turn: Hashable {
    let piece: Int
    let place: Int
  }

  /// - Parameters:
  ///   - values: where the legs' ranges lie, and what this rank hands out.
  ///   - given: what this rank adds to sums, scaled already; as many as `values`, or none where no
  ///     leg is summed.
  ///   - legs: in ascending order of their segments' numbers.
  ///   - result: the part of the values that is this rank's result in the end.
  init(
    _ values: Gathered<Element>, adding given: Given<Element> = Given([]), legs: [Leg],
    terms: Reduction, pieceElements: Int, spreadPhase: Chunk.Phase, result: Range<Int>
  ) {
    self.given = given
    self.terms = terms
    self.legs = legs
    self.pieceElements = pieceElements
    self.spreadPhase = spreadPhase
    resultRange = result
    work = Piecework(terms)
    self.values = values
    if result == 0..<values.count, let seed = terms.fingerprintSeed {
      sums = FingerprintInParts(
        seed: seed, byteCount: values.count * MemoryLayout<Element>.stride)
    }
    var before = [0]
    for leg in legs {
      before.append(before.last! + (leg.range.count + pieceElements - 1) / pieceElements)
    }
    piecesBefore = before
    turns = Array(repeating: 0, count: before.last!)
    passed = PieceSet(count: before.last!)
    finished = PieceSet(count: before.last!)
    for (at, leg) in legs.enumerated() {
      for piece in before[at]..<before[at + 1] {
        if !leg.isSummed { passed.insert(piece) }
        let isComplete = leg.isSummed && leg.sink == nil
        let isGiven = !leg.isSummed && leg.upstream == nil && !leg.downstream.isEmpty
        if leg.upstream == nil && !isComplete && !isGiven { finished.insert(piece) }
      }
    }
  }

  var isDone: Bool { finished.missing == 0 && passed.missing == 0 }

  /// The result, once this rank holds all of it; empty where it lies in memory that was lent.
  var result: [Element]? { isDone ? values.values(resultRange) : nil }

  var output: Values? { result.map(Element.wrap) }

  var fingerprint: [UInt64]? {
    guard isDone, let sums else { return nil }
    values.lent?.enter()
    defer { values.lent?.leave() }
    return sums.finish(values.span(resultRange).elementBytes)
  }

  var awaited: [Int] {
    var late: Set<Int> = []
    for (at, leg) in legs.enumerated() {
      for piece in pieces(at) {
        let index = piecesBefore[at] + piece
        if let upstream = leg.upstream, !finished.contains(index) { late.insert(upstream) }
        guard !passed.contains(index) else { continue }
        for (place, source) in leg.sources.enumerated().dropFirst(turns[index])
        where waiting[Turn(piece: index, place: place)] == nil {
          late.insert(source)
        }
      }
    }
    return late.sorted()
  }

  mutating func start() throws(CollectiveError) -> [Outgoing] {
    values.lent?.enter()
    defer { values.lent?.leave() }
    var outgoing: [Outgoing] = []
    // A piece to each rank in turn, beginning with the one after this: all ranks have work at once,
    // and not all send to the same one.
    let (rank, world) = (terms.rank, terms.world)
    func distance(_ at: Int) -> Int {
      ((legs[at].sink ?? legs[at].downstream.first ?? rank) + world - rank) % world
    }
    let order = legs.indices.sorted { (distance($0), $0) < (distance($1), $1) }
    let piecesMax = legs.indices.map { pieces($0).count }.max() ?? 0
    for piece in 0..<piecesMax {
      for at in order {
        guard pieces(at).contains(piece) else { continue }
        let index = piecesBefore[at] + piece
        if legs[at].isSummed {
          guard legs[at].sources.isEmpty else { continue }
          if piece >= Self.piecesAhead, terms.topology.areLinksFast, legs[at].returns {
            held.append((at, piece))
          } else {
            outgoing += try pass(at, piece)
          }
        } else if legs[at].upstream == nil, !finished.contains(index) {
          outgoing += try spread(at, piece)
        }
      }
    }
    held.reverse()
    return outgoing
  }

  mutating func receive(
    _ chunk: Chunk, from rank: Int
  ) throws(CollectiveError) -> [Outgoing] {
    values.lent?.enter()
    defer { values.lent?.leave() }
    guard chunk.phase == .reduceScatter || chunk.phase == spreadPhase else {
      throw .refusing(.unexpectedChunk, chunk, from: rank, "this operation has no such phase")
    }
    guard let at = leg(of: chunk.segment), pieces(at).contains(chunk.piece) else {
      throw .refusing(.unexpectedChunk, chunk, from: rank, "no such piece comes to this rank")
    }
    try work.checkLength(chunk, from: rank, count: range(at, chunk.piece).count)
    let outgoing =
      chunk.phase == .reduceScatter
      ? try receivePartial(chunk, from: rank, at) : try receiveFinished(chunk, from: rank, at)
    guard let next = held.popLast() else { return outgoing }
    return outgoing + (try pass(next.at, next.piece))
  }

  // MARK: Up

  private mutating func receivePartial(
    _ chunk: Chunk, from rank: Int, _ at: Int
  ) throws(CollectiveError) -> [Outgoing] {
    let leg = legs[at]
    let index = piecesBefore[at] + chunk.piece
    guard let place = leg.sources.firstIndex(of: rank) else {
      throw .refusing(
        .wrongSender, chunk, from: rank, "this rank adds nothing of it that rank \(rank) sends")
    }
    guard place >= turns[index], waiting[Turn(piece: index, place: place)] == nil else {
      throw .refusing(.duplicateChunk, chunk, from: rank, "this rank's part was taken before")
    }
    guard place == turns[index] else {
      // Checked now, while it is known whom to blame; kept encoded, as that is smaller.
      try work.checkDecodes(chunk, from: rank, count: range(at, chunk.piece).count)
      waiting[Turn(piece: index, place: place)] = chunk
      return []
    }
    if leg.sources.count == 1, !leg.addsOwn, let sink = leg.sink {
      // Nothing to add: the bytes go on as they are, which for a lossy codec saves a rounding. Looked
      // at all the same, or the next one would blame this rank.
      try work.checkDecodes(chunk, from: rank, count: range(at, chunk.piece).count)
      turns[index] = 1
      passed.insert(index)
      return [Outgoing(to: sink, chunk)]
    }
    if leg.sources.count == 1, leg.addsOwn, let sink = leg.sink, work.isPlain {
      let sum = try work.folded(chunk, from: rank, with: given, range(at, chunk.piece))
      turns[index] = 1
      passed.insert(index)
      return [Outgoing(to: sink, sum)]
    }
    try add(chunk, from: rank, at)
    while let next = waiting.removeValue(forKey: Turn(piece: index, place: turns[index])) {
      try add(next, from: leg.sources[turns[index]], at)
    }
    return turns[index] == leg.sources.count ? try pass(at, chunk.piece) : []
  }

  private mutating func add(_ chunk: Chunk, from rank: Int, _ at: Int) throws(CollectiveError) {
    let index = piecesBefore[at] + chunk.piece
    let range = range(at, chunk.piece)
    if turns[index] > 0 {
      try work.fold(chunk, from: rank, to: &values, range)
    } else if legs[at].addsOwn {
      try work.fold(chunk, from: rank, with: given, to: &values, range)
    } else {
      try work.decode(chunk, from: rank, to: &values, range)
    }
    turns[index] += 1
  }

  /// This rank's part of the piece's sum is in `values`, or is what it gives where nothing was added
  /// to that: sends it on, or it is complete.
  private mutating func pass(_ at: Int, _ piece: Int) throws(CollectiveError) -> [Outgoing] {
    let leg = legs[at]
    let range = range(at, piece)
    passed.insert(piecesBefore[at] + piece)
    let isOwnAlone = leg.sources.isEmpty
    guard let sink = leg.sink else {
      if isOwnAlone { work.copy(given, to: &values, range) }
      Arithmetic.divide(&values, range, by: terms.divisor)
      return try spread(at, piece)
    }
    let seed = terms.seed(.reduceScatter, leg.segment, piece)
    func encoded(_ part: Span<Element>) throws(CollectiveError) -> Chunk {
      try work.encode(
        part, at: range.lowerBound, as: .reduceScatter, leg.segment, piece, seed: seed)
    }
    let chunk = try isOwnAlone ? encoded(given.part(range)) : encoded(values.span(range))
    return [Outgoing(to: sink, chunk)]
  }

  // MARK: Down

  /// The piece's finished values are in `values`.
  private mutating func spread(_ at: Int, _ piece: Int) throws(CollectiveError) -> [Outgoing] {
    let leg = legs[at]
    guard !leg.downstream.isEmpty else {
      finish(at, piece)
      return []
    }
    let seed = terms.seed(spreadPhase, leg.segment, piece)
    let range = range(at, piece)
    let chunk =
      leg.isKept
      ? try work.encodeAndAdopt(&values, range, as: spreadPhase, leg.segment, piece, seed: seed)
      : try work.encode(
        values.span(range), at: range.lowerBound, as: spreadPhase, leg.segment, piece, seed: seed)
    finish(at, piece)
    return leg.downstream.map { Outgoing(to: $0, chunk) }
  }

  /// The piece's values are the result's, and stay so.
  private mutating func finish(_ at: Int, _ piece: Int) {
    finished.insert(piecesBefore[at] + piece)
    let range = range(at, piece)
    guard var taking = sums.take() else { return }
    taking.take(
      values.span(range).elementBytes,
      at: range.lowerBound * MemoryLayout<Element>.stride)
    sums = taking
  }

  private mutating func receiveFinished(
    _ chunk: Chunk, from rank: Int, _ at: Int
  ) throws(CollectiveError) -> [Outgoing] {
    let leg = legs[at]
    let index = piecesBefore[at] + chunk.piece
    guard rank == leg.upstream else {
      throw .refusing(
        .wrongSender, chunk, from: rank, "its finished values do not come from rank \(rank)")
    }
    guard passed.contains(index) else {
      throw .refusing(
        .unexpectedChunk, chunk, from: rank, "a result before this rank's part was sent")
    }
    guard !finished.contains(index) else {
      throw .refusing(.duplicateChunk, chunk, from: rank, "this piece came before")
    }
    try work.decode(chunk, from: rank, to: &values, range(at, chunk.piece))
    finish(at, chunk.piece)
    return leg.downstream.map { Outgoing(to: $0, chunk) }
  }

  // MARK: Where things lie

  /// The leg of a segment: at its own number where all segments have one, and else searched for.
  private func leg(of segment: Int) -> Int? {
    if legs.indices.contains(segment), legs[segment].segment == segment { return segment }
    var (low, high) = (0, legs.count)
    while low < high {
      let middle = (low + high) / 2
      if legs[middle].segment < segment { low = middle + 1 } else { high = middle }
    }
    return low < legs.count && legs[low].segment == segment ? low : nil
  }

  /// A leg's pieces, counted from 0.
  private func pieces(_ at: Int) -> Range<Int> { 0..<(piecesBefore[at + 1] - piecesBefore[at]) }

  private func range(_ at: Int, _ piece: Int) -> Range<Int> {
    let start = legs[at].range.lowerBound + piece * pieceElements
    return start..<min(start + pieceElements, legs[at].range.upperBound)
  }
}

extension Relay: AllReduceMachine where Element == Float {}
