// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs

/// Encodes, decodes and adds single pieces of a vector, and says who is to blame if it fails.
struct Piecework: Sendable {
  private let codec: any Codec
  private let isLossy: Bool
  /// What every chunk begins with: see `Reduction.chunkPrefix`.
  private let prefix: [UInt8]

  init(codec: any Codec, prefix: [UInt8] = []) {
    self.codec = codec
    isLossy = codec.isLossy
    self.prefix = prefix
  }

  /// A chunk of the values in a range.
  func encode(
    _ values: borrowing [Float], _ range: Range<Int>, as phase: Chunk.Phase, _ segment: Int,
    _ piece: Int, seed: Seed
  ) throws(CollectiveError) -> Chunk {
    do throws(CodecError) {
      return try Chunk(
        phase: phase, segment: segment, piece: piece, prefix: prefix,
        payloadByteCount: codec.byteCount(for: range.count)
      ) { (payload: inout MutableSpan<UInt8>) throws(CodecError) in
        try codec.encode(values.span.extracting(range), seed: seed, into: &payload)
      }
    } catch {
      throw CollectiveError(
        .notEncodable, "\(error.what), counted from \(range.lowerBound)", place: error.place,
        remedy: error.remedy)
    }
  }

  /// A chunk of the values in a range, which become what all others will decode from it.
  func encodeAndAdopt(
    _ values: inout [Float], _ range: Range<Int>, as phase: Chunk.Phase, _ segment: Int,
    _ piece: Int, seed: Seed
  ) throws(CollectiveError) -> Chunk {
    let chunk = try encode(values, range, as: phase, segment, piece, seed: seed)
    guard isLossy else { return chunk }
    var all = values.mutableSpan
    var span = all._mutatingExtracting(range)
    do {
      try codec.decode(chunk.payloadSpan, into: &span)
    } catch {
      preconditionFailure("a codec does not decode its own bytes: \(error)")
    }
    return chunk
  }

  /// Puts the decoded bytes in the place of the values in a range; an error leaves them alone.
  func decode(
    _ chunk: Chunk, from rank: Int, to values: inout [Float], _ range: Range<Int>
  ) throws(CollectiveError) {
    var all = values.mutableSpan
    var span = all._mutatingExtracting(range)
    do {
      try codec.decode(chunk.payloadSpan, into: &span)
    } catch {
      throw .refusing(.malformedPayload, chunk, from: rank, error.what)
    }
  }

  /// Adds the decoded bytes to the values in a range; after an error nothing was added.
  func add(
    _ chunk: Chunk, from rank: Int, to values: inout [Float], _ range: Range<Int>
  ) throws(CollectiveError) {
    var all = values.mutableSpan
    var span = all._mutatingExtracting(range)
    do {
      try codec.accumulate(chunk.payloadSpan, into: &span)
    } catch {
      throw .refusing(.malformedPayload, chunk, from: rank, error.what)
    }
  }

  /// Refuses a payload that will not decode. Costs nothing where every payload does.
  func checkDecodes(
    _ chunk: Chunk, from rank: Int, count: Int
  ) throws(CollectiveError) {
    guard isLossy else { return }
    do {
      _ = try codec.decode(chunk.payloadSpan, count: count)
    } catch {
      throw .refusing(.malformedPayload, chunk, from: rank, error.what)
    }
  }

  /// Refuses a chunk of a piece that does not exist, or whose payload has another length.
  func check(
    _ chunk: Chunk, from rank: Int, in segments: Segments
  ) throws(CollectiveError) {
    guard segments.has(chunk.segment, chunk.piece) else {
      throw .refusing(
        .unexpectedChunk, chunk, from: rank,
        "there is no such piece among \(segments.pieceCount) in \(segments.segmentCount) segments")
    }
    let count = segments.range(chunk.segment, chunk.piece).count
    let needed = codec.byteCount(for: count)
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
