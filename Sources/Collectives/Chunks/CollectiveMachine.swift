// SPDX-License-Identifier: Apache-2.0

/// One rank's part in one collective: chunks in, chunks out; no clock, no I/O, no waiting.
///
/// A chunk is checked before it changes anything: after an error the machine is as it was. Chunks
/// from one rank arrive in the order sent; nothing is assumed about the order between ranks. Chunks
/// may arrive before `start`, as members begin a round at different times.
public protocol CollectiveMachine: Sendable {
  /// What this rank sends unasked. Call once.
  ///
  /// - Throws: `.notEncodable` when this rank's values are not finite and the codec needs that.
  mutating func start() throws(CollectiveError) -> [Outgoing]

  /// Takes a chunk and returns what follows from it.
  ///
  /// - Throws: `CollectiveError` naming the rank, phase, segment and piece when the chunk cannot be
  ///   part of this collective, came before or has a wrong length; `culprit` is the sender. After
  ///   `.notEncodable`, when a sum left the codec's range, the machine cannot finish.
  mutating func receive(_ chunk: Chunk, from rank: Int) throws(CollectiveError) -> [Outgoing]

  /// Whether this rank holds its complete result and owes nobody anything.
  var isDone: Bool { get }

  /// This rank's complete result, once `isDone`; empty for a rank that gets nothing.
  var output: Values? { get }

  /// The sums of the output's bytes by `Fingerprint`, where they were worked out on the way.
  var fingerprint: [UInt64]? { get }

  /// The ranks that still owe a chunk, ascending: whom a deadline's message names.
  var awaited: [Int] { get }
}

extension CollectiveMachine {
  public var fingerprint: [UInt64]? { nil }
}

extension CollectiveError {
  /// A refusal of one chunk, in one shape.
  static func refusing(
    _ code: Code, _ chunk: Chunk, from rank: Int, _ what: String
  ) -> CollectiveError {
    CollectiveError(
      code, what,
      place: "rank \(rank), \(chunk.phase), segment \(chunk.segment), piece \(chunk.piece)",
      remedy: "The sender is broken or lying; the round goes on without it.", culprit: rank)
  }
}
