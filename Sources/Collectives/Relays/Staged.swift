// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// One step of a machine that goes step by step: what this rank sends first, and what it must have
/// received before it goes on.
struct Stage: Sendable {
  /// Its number on the wire, the same at both ends; ascending.
  let number: Int
  let phase: Chunk.Phase
  /// To whom, and which values.
  var to: [Int] = []
  var sends = 0..<0
  /// From whom, and to which values.
  var from: Int?
  var receives = 0..<0
  /// Whether what comes is folded into the values, or takes their place.
  var folds = false
}

/// The machine of algorithms in which every message is long or few: stage by stage, a range of the
/// vector goes to one rank and another comes from one.
///
/// What comes for a later stage waits encoded. Even an empty range is sent, as one empty piece.
struct Staged<Element: CollectiveElement>: CollectiveMachine {
  private let terms: Reduction
  private let work: Piecework<Element>
  private let stages: [Stage]
  private let pieceElements: Int
  /// Before this stage the sum in this range is complete.
  private let completion: (stage: Int, range: Range<Int>)
  private var values: Gathered<Element>
  /// The stage that this rank waits in; −1 before the start.
  private var current = -1
  /// For each stage, the pieces that have come.
  private var came: [PieceSet]
  private var waiting: [Int: [Chunk]] = [:]

  init(
    _ values: Gathered<Element>, stages: [Stage], completion: (stage: Int, range: Range<Int>),
    terms: Reduction, pieceElements: Int
  ) {
    self.values = values
    self.stages = stages
    self.completion = completion
    self.terms = terms
    self.pieceElements = pieceElements
    work = Piecework(terms)
    came = stages.map { stage in
      PieceSet(
        count: stage.from == nil ? 0 : Self.pieces(stage.receives, pieceElements).count)
    }
  }

  var isDone: Bool { current == stages.count }
  var result: [Element]? { isDone ? values.values(0..<values.count) : nil }
  var output: Values? { result.map(Element.wrap) }

  var awaited: [Int] {
    Set(zip(stages, came).compactMap { $1.missing > 0 ? $0.from : nil }).sorted()
  }

  mutating func start() throws(CollectiveError) -> [Outgoing] { try advance() }

  mutating func receive(
    _ chunk: Chunk, from rank: Int
  ) throws(CollectiveError) -> [Outgoing] {
    guard let at = stages.firstIndex(where: { $0.number == chunk.segment }),
      stages[at].phase == chunk.phase, stages[at].from != nil
    else {
      throw .refusing(.unexpectedChunk, chunk, from: rank, "no such stage has anything to receive")
    }
    let stage = stages[at]
    guard stage.from == rank else {
      throw .refusing(
        .wrongSender, chunk, from: rank, "this stage's values do not come from rank \(rank)")
    }
    let pieces = Self.pieces(stage.receives, pieceElements)
    guard pieces.indices.contains(chunk.piece) else {
      throw .refusing(
        .unexpectedChunk, chunk, from: rank, "there is no such piece among \(pieces.count)")
    }
    try work.checkLength(chunk, from: rank, count: pieces[chunk.piece].count)
    guard !came[at].contains(chunk.piece) else {
      throw .refusing(.duplicateChunk, chunk, from: rank, "this piece came before")
    }
    if at == current {
      try take(chunk, from: rank, at)
    } else {
      try work.checkDecodes(chunk, from: rank, count: pieces[chunk.piece].count)
      waiting[at, default: []].append(chunk)
    }
    came[at].insert(chunk.piece)
    return at == current && came[at].missing == 0 ? try advance() : []
  }

  /// Goes on to the next stage that something is missing for.
  private mutating func advance() throws(CollectiveError) -> [Outgoing] {
    var outgoing: [Outgoing] = []
    repeat {
      current += 1
      if current == completion.stage {
        Arithmetic.divide(&values, completion.range, by: terms.divisor)
      }
      guard current < stages.count else { break }
      let stage = stages[current]
      outgoing += try send(stage)
      for chunk in waiting.removeValue(forKey: current) ?? [] {
        try take(chunk, from: stage.from!, current)
      }
    } while came[current].missing == 0
    return outgoing
  }

  private mutating func take(_ chunk: Chunk, from rank: Int, _ at: Int) throws(CollectiveError) {
    let range = Self.pieces(stages[at].receives, pieceElements)[chunk.piece]
    if stages[at].folds {
      try work.fold(chunk, from: rank, to: &values, range)
    } else {
      try work.decode(chunk, from: rank, to: &values, range)
    }
  }

  private mutating func send(_ stage: Stage) throws(CollectiveError) -> [Outgoing] {
    var outgoing: [Outgoing] = []
    // Finished values that a lossy codec changes: whoever holds them changes them alike, sent or not.
    let isFinished = stage.phase == .allGather
    guard !stage.to.isEmpty || isFinished && !stage.sends.isEmpty && work.isLossy else { return [] }
    for (piece, range) in Self.pieces(stage.sends, pieceElements).enumerated() {
      let chunk: Chunk
      if isFinished {
        let seed = terms.seed.derived("stage", UInt64(stage.number), UInt64(range.lowerBound))
        chunk = try work.encodeAndAdopt(
          &values, range, as: stage.phase, stage.number, piece, seed: seed)
      } else {
        chunk = try work.encode(
          values.span(range), at: range.lowerBound, as: stage.phase, stage.number, piece,
          seed: terms.seed(stage.phase, stage.number, piece))
      }
      outgoing += stage.to.map { Outgoing(to: $0, chunk) }
    }
    return outgoing
  }

  private static func pieces(_ range: Range<Int>, _ pieceElements: Int) -> [Range<Int>] {
    guard !range.isEmpty else { return [range] }
    return stride(from: range.lowerBound, to: range.upperBound, by: pieceElements).map {
      $0..<min($0 + pieceElements, range.upperBound)
    }
  }
}

extension Staged: AllReduceMachine where Element == Float {}
