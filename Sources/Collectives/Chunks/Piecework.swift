// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryTensors

/// Encodes, decodes and folds single pieces of a vector, and says who is to blame if it fails.
struct Piecework<Element: CollectiveElement>: Sendable {
  private let codec: any Codec
  let isLossy: Bool
  /// Whether chunks carry the elements' own bytes.
  let isPlain: Bool
  private let fold: Fold
  /// What every chunk begins with: see `Reduction.chunkPrefix`.
  private let prefix: [UInt8]

  init(_ reduction: Reduction) {
    codec = reduction.codec
    isLossy = Element.isLossy(codec)
    isPlain = Element.isPlain(codec)
    fold = reduction.operation.fold
    prefix = reduction.chunkPrefix
  }

  /// A chunk of some values, the first of which is the vector's `start`-th.
  func encode(
    _ values: Span<Element>, at start: Int, as phase: Chunk.Phase, _ segment: Int, _ piece: Int,
    seed: Seed
  ) throws(CollectiveError) -> Chunk {
    do throws(CodecError) {
      return try Chunk(
        phase: phase, segment: segment, piece: piece, prefix: prefix,
        payloadByteCount: Element.byteCount(for: values.count, by: codec)
      ) { (payload: inout MutableSpan<UInt8>) throws(CodecError) in
        try Element.encode(values, by: codec, seed: seed, into: &payload)
      }
    } catch {
      throw CollectiveError(
        .notEncodable, "\(error.what), counted from \(start)", place: error.place,
        remedy: error.remedy)
    }
  }

  /// A chunk of the values in a range, which become what all others will decode from it.
  func encodeAndAdopt(
    _ values: inout Gathered<Element>, _ range: Range<Int>, as phase: Chunk.Phase, _ segment: Int,
    _ piece: Int, seed: Seed
  ) throws(CollectiveError) -> Chunk {
    let chunk = try encode(
      values.span(range), at: range.lowerBound, as: phase, segment, piece, seed: seed)
    guard isLossy else { return chunk }
    var span = values.part(range)
    do {
      try Element.decode(chunk.payloadSpan, by: codec, into: &span)
    } catch {
      preconditionFailure("a codec does not decode its own bytes: \(error)")
    }
    return chunk
  }

  /// Puts the decoded bytes in the place of the values in a range; an error leaves them alone.
  func decode(
    _ chunk: Chunk, from rank: Int, to values: inout Gathered<Element>, _ range: Range<Int>
  ) throws(CollectiveError) {
    var span = values.part(range)
    do {
      try Element.decode(chunk.payloadSpan, by: codec, into: &span)
    } catch {
      throw .refusing(.malformedPayload, chunk, from: rank, error.what)
    }
  }

  /// Folds the decoded bytes into the values in a range; after an error nothing was folded.
  func fold(
    _ chunk: Chunk, from rank: Int, to values: inout Gathered<Element>, _ range: Range<Int>
  ) throws(CollectiveError) {
    var span = values.part(range)
    do {
      try Element.fold(fold, chunk.payloadSpan, by: codec, into: &span)
    } catch {
      throw .refusing(.malformedPayload, chunk, from: rank, error.what)
    }
  }

  /// Puts what folding the decoded bytes into what is given gives in the place of the values in a
  /// range; an error leaves the values alone, or as the given ones are.
  func fold(
    _ chunk: Chunk, from rank: Int, with given: Given<Element>, to values: inout Gathered<Element>,
    _ range: Range<Int>
  ) throws(CollectiveError) {
    guard isPlain else {
      copy(given, to: &values, range)
      return try fold(chunk, from: rank, to: &values, range)
    }
    try checkDecodes(chunk, from: rank, count: range.count)
    var span = values.part(range)
    Kernels.fold(
      fold, given.part(range), bytes: chunk.payloadSpan.elementBytes, into: &span)
  }

  /// Puts what is given in a range in the place of the values there.
  func copy(_ given: Given<Element>, to values: inout Gathered<Element>, _ range: Range<Int>) {
    Arithmetic.copy(given.part(range), to: &values, at: range.lowerBound)
  }

  /// A chunk like one that came, with what is given in a range folded in; for plain chunks. The same
  /// bits as folding the chunk into the values.
  func folded(
    _ chunk: Chunk, from rank: Int, with given: Given<Element>, _ range: Range<Int>
  ) throws(CollectiveError) -> Chunk {
    try checkDecodes(chunk, from: rank, count: range.count)
    return Chunk(
      phase: chunk.phase, segment: chunk.segment, piece: chunk.piece, prefix: prefix,
      payloadByteCount: chunk.payloadByteCount
    ) {
      Kernels.fold(
        fold, given.part(range), bytes: chunk.payloadSpan.elementBytes, intoBytes: &$0)
    }
  }

  /// Folds values that are decoded already.
  func fold(_ source: Span<Element>, to values: inout Gathered<Element>, _ range: Range<Int>) {
    var span = values.part(range)
    Kernels.fold(fold, bytes: source.elementBytes, into: &span)
  }

  /// Refuses a payload that will not decode. Costs nothing where every payload does.
  func checkDecodes(_ chunk: Chunk, from rank: Int, count: Int) throws(CollectiveError) {
    do {
      try Element.check(chunk.payloadSpan, by: codec, count: count)
    } catch {
      throw .refusing(.malformedPayload, chunk, from: rank, error.what)
    }
  }

  /// Refuses a payload of another length than so many values have.
  func checkLength(_ chunk: Chunk, from rank: Int, count: Int) throws(CollectiveError) {
    let needed = Element.byteCount(for: count, by: codec)
    guard chunk.payloadByteCount == needed else {
      throw .refusing(
        .wrongLength, chunk, from: rank,
        "\(chunk.payloadByteCount) bytes, and \(count) values take \(needed)")
    }
  }
}

extension Codec {
  /// Whether values may come back changed.
  var isLossy: Bool { errorBound(peak: 1) > 0 }
}

/// Which pieces are here already.
struct PieceSet: Sendable {
  private var flags: [Bool]
  /// How many are not.
  private(set) var missing: Int

  init(count: Int) {
    flags = Array(repeating: false, count: count)
    missing = count
  }

  func contains(_ index: Int) -> Bool { flags[index] }

  mutating func insert(_ index: Int) {
    if !flags[index] {
      flags[index] = true
      missing -= 1
    }
  }
}
