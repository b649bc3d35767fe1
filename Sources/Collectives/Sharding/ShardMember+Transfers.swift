// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryPlanning

/// What shards travel by.
extension ShardMember {
  /// New weights from those who own the state to those who hold them.
  mutating func returnWeights(over fabric: some ShardFabric) throws(CollectiveError) {
    resident = try spread(
      master, scheme.weights..<scheme.optimizer, scheme.returned, over: fabric)
  }

  /// Scales the mean down where it is too long; each rank's part is added in the order of ranks.
  mutating func limit(
    _ mean: inout [Float], over fabric: some ShardFabric
  ) throws(CollectiveError) -> Double? {
    guard let gradientNormMax else { return nil }
    var square = 0.0
    for value in mean { square += Double(value) * Double(value) }
    var out = ByteWriter()
    out.put(square)
    let ranks = Array(0..<layout.nest.world)
    var total = 0.0
    for (rank, bytes) in zip(ranks, try gathered(out.bytes, among: ranks, over: fabric)) {
      var reader = ByteReader(bytes, place: "norm of rank \(rank)")
      do {
        total += try reader.double()
        try reader.end()
      } catch {
        throw CollectiveError(
          .malformedPayload, error.what, place: error.place,
          remedy: "The sender is broken or lying.", culprit: rank)
      }
    }
    let norm = total.squareRoot()
    guard norm.isFinite else {
      throw CollectiveError(
        .notEncodable, "the gradient's norm is \(norm)", place: "step \(steps + 1)",
        remedy: "Look for the step that diverged; a lower learning rate often helps.")
    }
    if norm > Double(gradientNormMax) {
      let scale = Float(Double(gradientNormMax) / norm)
      for i in mean.indices { mean[i] *= scale }
    }
    return norm
  }

  /// From this rank's part at the outer depth to that at the inner one, level by level, the outermost
  /// first; encoded once, by its owner.
  mutating func spread(
    _ part: [Float], _ depths: Range<Int>, _ coding: ShardCoding, over fabric: some ShardFabric
  ) throws(CollectiveError) -> [Float] {
    let nest = layout.nest
    guard nest.widths[depths.lowerBound] < nest.widths[depths.upperBound] else { return part }
    let packer = ShardPacker(layout, coding)
    let own = layout.range(of: rank, at: depths.upperBound)
    // By range, not by rank: several ranks may own one range, and must make the same bytes of it.
    let seed = drawn("weights", UInt64(own.lowerBound))
    var bytes = try packer.encode(part, of: own, seed: seed)
    for level in depths.reversed() {
      let ranks = nest.fellows(of: rank, between: level..<level + 1)
      guard ranks.count > 1 else { continue }
      bytes = try gathered(bytes, among: ranks, over: fabric).flatMap(\.self)
    }
    // Owners in the order of their ranges, which is that of their bytes.
    let pieces = nest.widths[depths.upperBound] / nest.widths[depths.lowerBound]
    let start = layout.range(of: rank, at: depths.lowerBound).lowerBound
    var values: [Float] = []
    values.reserveCapacity(part.count * pieces)
    var from = 0
    for piece in 0..<pieces {
      let range = start + piece * part.count..<start + (piece + 1) * part.count
      let length = packer.byteCount(range)
      guard from + length <= bytes.count else {
        throw CollectiveError(
          .wrongLength, "\(bytes.count) bytes are too few for \(pieces) shards",
          place: "gathering parameters \(range)",
          remedy: "A member's scheme is another one; compare configurations.")
      }
      values += try packer.decode(
        Array(bytes[from..<from + length]), of: range, from: owner(of: piece, depths))
      from += length
    }
    guard from == bytes.count else {
      throw CollectiveError(
        .wrongLength, "\(bytes.count) bytes, and \(pieces) shards take \(from)",
        place: "gathering parameters from \(start) on",
        remedy: "A member's scheme is another one; compare configurations.")
    }
    return values
  }

  /// The fellow that owns one of the pieces between two depths, by the pieces' order.
  private func owner(of piece: Int, _ depths: Range<Int>) -> Int {
    let nest = layout.nest
    var (owner, piece) = (rank, piece)
    for level in depths.reversed() {
      let size = nest.sizes[level]
      owner += (piece % size - nest.place(of: rank, at: level)) * nest.widths[level]
      piece /= size
    }
    return owner
  }

  /// From this rank's summand of its part at the inner depth to the sum of its part at the outer one:
  /// each slice straight to its owner, who adds them up by rank.
  mutating func reduce(
    _ part: [Float], _ depths: Range<Int>, over fabric: some ShardFabric
  ) throws(CollectiveError) -> [Float] {
    let nest = layout.nest
    let packer = ShardPacker(layout, depths.lowerBound == 0 ? scheme.within : scheme.across)
    let ranks = nest.fellows(of: rank, between: depths)
    let start = layout.range(of: rank, at: depths.lowerBound).lowerBound
    let own = layout.range(of: rank, at: depths.upperBound)
    let seed = drawn("gradient", UInt64(rank))
    var parts: [[UInt8]] = []
    for to in ranks {
      let range = layout.range(of: to, at: depths.upperBound)
      let slice = Array(part[range.lowerBound - start..<range.upperBound - start])
      // What a rank keeps is not rounded.
      parts.append(
        to == rank
          ? [] : try packer.encode(slice, of: range, seed: seed.derived("to", UInt64(to))))
    }
    let got = try exchanged(parts, among: ranks, over: fabric)
    var sum: [Float] = []
    for (from, bytes) in zip(ranks, got) {
      let slice =
        from == rank
        ? Array(part[own.lowerBound - start..<own.upperBound - start])
        : try packer.decode(bytes, of: own, from: from)
      if sum.isEmpty {
        sum = slice
      } else {
        for i in sum.indices { sum[i] += slice[i] }
      }
    }
    return sum
  }

  mutating func exchanged(
    _ parts: [[UInt8]], among ranks: [Int], over fabric: some ShardFabric
  ) throws(CollectiveError) -> [[UInt8]] {
    count(parts.map(\.count), among: ranks)
    do { return try fabric.exchange(parts, among: ranks) } catch { throw naming(error) }
  }

  private mutating func gathered(
    _ bytes: [UInt8], among ranks: [Int], over fabric: some ShardFabric
  ) throws(CollectiveError) -> [[UInt8]] {
    count(Array(repeating: bytes.count, count: ranks.count), among: ranks)
    do { return try fabric.gather(bytes, among: ranks) } catch { throw naming(error) }
  }

  /// A loss, with what is lost.
  private func naming(_ error: CollectiveError) -> CollectiveError {
    guard error.code == .lost, let gone = error.culprit else { return error }
    let range = layout.range(of: gone, at: scheme.optimizer).clamped(to: 0..<layout.count)
    let others = (0..<layout.nest.world).filter {
      $0 != gone && layout.range(of: $0, at: scheme.optimizer).lowerBound == range.lowerBound
    }
    let what =
      if let other = others.first {
        "the state of parameters \(range) is with rank \(other), too"
      } else if copies == .neighbor {
        "a neighbor has a copy of the state of parameters \(range)"
      } else {
        "it alone owned the state of parameters \(range)"
      }
    return CollectiveError(
      .lost, "\(error.what); \(what)", place: error.place, remedy: error.remedy, culprit: gone)
  }

  private mutating func drawn(_ label: String, _ place: UInt64) -> Seed {
    transfers += 1
    return seed.derived(label, UInt64(steps), transfers, place)
  }

  private mutating func count(_ lengths: [Int], among ranks: [Int]) {
    for (other, length) in zip(ranks, lengths) {
      if let level = layout.nest.level(between: rank, other) { ledger.bytes[level] += length }
    }
  }
}
