// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryCollectives

/// All-reduces in two levels: inside an island by its own engine, among islands over our links.
///
/// Each island's leader is a member of the group of islands. An island whose leader is lost is left out
/// there, and joins again like any newcomer; the other islands go on.
public final class IslandGroup {
  /// What came of a round.
  public struct Outcome: Sendable, Equatable {
    /// Counts rounds of the group of islands; of the island alone where it has none.
    public var number: UInt64
    public var islands: Int
    /// Processes of all islands.
    public var ranks: Int
    /// The sum of all weights.
    public var weight: Double

    public init(number: UInt64, islands: Int, ranks: Int, weight: Double) {
      (self.number, self.islands, self.ranks, self.weight) = (number, islands, ranks, weight)
    }
  }

  /// The longest sentence of an error that the leader passes on, in bytes.
  static let sentenceBytesMax = 1024

  private let engine: any IslandEngine
  private let group: PeerGroup?
  private var alone: UInt64 = 0

  /// - Parameter group: of islands, for the leader, summing by `.mean`; nil for all other ranks, and for
  ///   an island that stands alone.
  public init(_ engine: any IslandEngine, leading group: PeerGroup?) {
    precondition(group == nil || engine.rank == 0, "rank \(engine.rank) does not lead")
    self.engine = engine
    self.group = group
  }

  /// The weighted mean over all ranks of all islands, in place, the same bits everywhere.
  ///
  /// - Throws: `.engineFailed`, or `.leaderFailed` on all ranks alike, with the leader's reason.
  public func allReduce(
    _ values: inout [Float], weight: Double = 1, within limit: Duration
  ) throws(IslandError) -> Outcome {
    precondition(weight >= 0 && weight.isFinite, "a weight of \(weight) is none")
    for i in values.indices { values[i] *= Float(weight) }
    var total = [weight]
    try engine.sum(&values)
    try engine.sum(&total)
    var head = Head()
    if engine.rank == 0 { head = meet(&values, weight: total[0], within: limit) }
    var bytes = head.encoded
    try engine.share(&bytes)
    head = Head(decoding: bytes)
    if let reason = head.failure {
      throw IslandError(
        .leaderFailed, reason, place: "round after \(head.outcome.number)",
        remedy: "Call again, or join the other islands again.")
    }
    try engine.share(&values)
    return head.outcome
  }

  /// The leader's part: from this island's sum to the mean of all.
  private func meet(
    _ values: inout [Float], weight: Double, within limit: Duration
  ) -> Head {
    if weight > 0 { for i in values.indices { values[i] /= Float(weight) } }
    guard let group else {
      alone += 1
      return Head(
        outcome: Outcome(number: alone, islands: 1, ranks: engine.size, weight: weight))
    }
    do {
      var note = ByteWriter()
      note.put(UInt32(engine.size))
      let outcome = try group.allReduce(values, weight: weight, note: note.bytes, within: limit)
      guard outcome.values.count == values.count else {
        return Head(failure: "a round that was pending has \(outcome.values.count) values")
      }
      values = outcome.values
      let sizes = outcome.contributors.map { contributor -> Int in
        var reader = ByteReader(contributor.note, place: "size of an island")
        return (try? reader.number(UInt32.self)).map { Int($0) } ?? 1
      }
      return Head(
        outcome: Outcome(
          number: outcome.round, islands: outcome.contributors.count, ranks: sizes.reduce(0, +),
          weight: outcome.contributors.reduce(0) { $0 + $1.weight }))
    } catch {
      return Head(failure: "\(error)")
    }
  }
}

/// What the leader tells its island before the values: as many bytes, whatever it is.
private struct Head {
  var outcome = IslandGroup.Outcome(number: 0, islands: 0, ranks: 0, weight: 0)
  var failure: String?

  init(
    outcome: IslandGroup.Outcome = .init(number: 0, islands: 0, ranks: 0, weight: 0),
    failure: String? = nil
  ) {
    self.outcome = outcome
    self.failure = failure
  }

  var encoded: [UInt8] {
    var w = ByteWriter()
    w.put(outcome.number)
    w.put(UInt32(outcome.islands))
    w.put(UInt32(outcome.ranks))
    w.put(outcome.weight)
    let sentence = Array((failure ?? "").utf8.prefix(IslandGroup.sentenceBytesMax))
    w.put(UInt8(failure == nil ? 0 : 1))
    w.put(run: sentence)
    w.put(raw: [UInt8](repeating: 0, count: IslandGroup.sentenceBytesMax - sentence.count))
    return w.bytes
  }

  init(decoding bytes: [UInt8]) {
    var r = ByteReader(bytes, place: "head")
    do {
      outcome.number = try r.number()
      outcome.islands = Int(try r.number(UInt32.self))
      outcome.ranks = Int(try r.number(UInt32.self))
      outcome.weight = try r.double()
      let failed = try r.number(UInt8.self) != 0
      let sentence = try r.run(max: IslandGroup.sentenceBytesMax)
      if failed { failure = String(decoding: sentence, as: UTF8.self) }
    } catch {
      failure = "\(error)"
    }
  }
}
