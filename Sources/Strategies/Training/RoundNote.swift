// SPDX-License-Identifier: Apache-2.0

import FerryBasics

/// What a contribution's note holds: the samples it was made from, and the strategy's own word.
package struct RoundNote: Sendable, Equatable {
  /// At most this many bytes of a note are the strategy's.
  static let strategyBytesMax = 32 << 10
  static let rangesMax = 2 * RunBook.rangesPerHandMax

  let positions: Positions
  let strategy: [UInt8]

  init(positions: Positions, strategy: [UInt8] = []) {
    precondition(
      positions.ranges.count <= Self.rangesMax && strategy.count <= Self.strategyBytesMax,
      "a note of \(positions.ranges.count) ranges and \(strategy.count) bytes")
    self.positions = positions
    self.strategy = strategy
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter()
    positions.encode(into: &writer)
    writer.put(run: strategy)
    return writer.bytes
  }

  /// Nil for bytes that are no note. Empty bytes are an empty note.
  package init?(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else {
      self.init(positions: Positions())
      return
    }
    do {
      var reader = ByteReader(bytes, place: "note of a contribution")
      let positions = try Positions(from: &reader, max: Self.rangesMax)
      let strategy = try reader.run(max: Self.strategyBytesMax)
      try reader.end()
      self.init(positions: positions, strategy: strategy)
    } catch {
      return nil
    }
  }
}
