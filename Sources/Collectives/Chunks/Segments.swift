// SPDX-License-Identifier: Apache-2.0

/// How a vector is cut: one segment a rank, each in pieces that travel alone.
///
/// The first `count mod world` segments have one element more than the rest; pieces are full but
/// the last. Segments may be empty (a vector shorter than the world) and then have no piece.
struct Segments: Sendable {
  /// Elements of a piece unless told otherwise: 256 KiB of f32 stay in a core's second-level cache,
  /// and 64 MiB among four still give 64 pieces a segment to overlap.
  static let pieceElements = 65_536

  /// Where each segment starts, and the end.
  private let starts: [Int]
  /// The number of pieces before each segment, and of all.
  private let piecesBefore: [Int]
  let pieceElements: Int

  /// `count` elements in `world` segments.
  init(count: Int, world: Int, pieceElements: Int) {
    let (base, longer) = count.quotientAndRemainder(dividingBy: world)
    self.init(
      counts: (0..<world).map { base + ($0 < longer ? 1 : 0) }, pieceElements: pieceElements)
  }

  /// Segments of given lengths, one after another.
  init(counts: [Int], pieceElements: Int) {
    var starts = [0]
    var pieces = [0]
    for count in counts {
      starts.append(starts.last! + count)
      pieces.append(pieces.last! + (count + pieceElements - 1) / pieceElements)
    }
    self.starts = starts
    piecesBefore = pieces
    self.pieceElements = pieceElements
  }

  var count: Int { starts.last! }
  var segmentCount: Int { starts.count - 1 }
  /// Pieces of all segments.
  var pieceCount: Int { piecesBefore.last! }

  /// The elements of a segment.
  func range(_ segment: Int) -> Range<Int> { starts[segment]..<starts[segment + 1] }

  /// The pieces of a segment, counted from 0.
  func pieces(_ segment: Int) -> Range<Int> {
    0..<(piecesBefore[segment + 1] - piecesBefore[segment])
  }

  /// The elements of a piece, as indices into the whole vector.
  func range(_ segment: Int, _ piece: Int) -> Range<Int> {
    let start = starts[segment] + piece * pieceElements
    return start..<min(start + pieceElements, starts[segment + 1])
  }

  /// The number of a piece among those of all segments.
  func index(_ segment: Int, _ piece: Int) -> Int { piecesBefore[segment] + piece }

  /// Whether there is such a piece.
  func has(_ segment: Int, _ piece: Int) -> Bool {
    segment >= 0 && segment < segmentCount && pieces(segment).contains(piece)
  }
}
