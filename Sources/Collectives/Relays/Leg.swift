// SPDX-License-Identifier: Apache-2.0

/// One rank's part in the way of one segment: who sends what of it to this rank, and who gets what.
///
/// A segment may be *summed*, on its way up: partial sums come from `sources`, this rank adds its
/// own values, and the sum goes on to `sink`, or is complete here. And it may be *spread*, on its
/// way down: the finished values come from `upstream`, or are this rank's own or the complete sum,
/// and go on to `downstream`.
struct Leg: Sendable, Equatable {
  /// How segments are summed on their way.
  enum Sum: Sendable, Equatable {
    /// Not by this rank: it has nothing to add, and nobody sends it anything.
    case none
    /// Partial sums come from `sources`, to be added in this order; `withOwn` says whether this
    /// rank's values are the first summand; the sum goes to `sink`, nil where it is complete.
    case of(sources: [Int], withOwn: Bool, sink: Int?)
  }

  /// The segment's number on the wire.
  let segment: Int
  /// Where it lies in the machine's values.
  let range: Range<Int>
  /// How it is summed.
  var sum = Sum.none
  /// Who sends the finished values; nil where this rank has them itself, or never gets them.
  var upstream: Int?
  /// Whether finished values that this rank gives are part of its own result: then it adopts what
  /// the others decode.
  var isKept = true
  /// To whom the finished values go from here.
  var downstream: [Int] = []

  var sources: [Int] { if case .of(let sources, _, _) = sum { sources } else { [] } }
  var sink: Int? { if case .of(_, _, let sink) = sum { sink } else { nil } }
  var addsOwn: Bool { if case .of(_, let withOwn, _) = sum { withOwn } else { false } }
  var isSummed: Bool { sum != .none }
  /// Whether what this rank sends on its way up comes back finished, piece by piece.
  var returns: Bool { sink != nil && upstream != nil }
}
