// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives

extension Trainer {
  static var noteVersion: UInt8 { 1 }
  static var bookBytesMax: Int { 80 << 20 }
  static var strategyBytesMax: Int { 1 << 20 }

  /// What all members hold alike after `round`. Its note: version, book, the strategy's word.
  func sharedState() throws -> SharedState {
    let state = try strategy.sharedState(of: replica)
    var note = ByteWriter()
    note.put(Self.noteVersion)
    note.put(run: bookBytes)
    note.put(run: state.note)
    return SharedState(
      round: round, tensors: state.tensors.map { ($0.name, $0.values) }, note: note.bytes)
  }

  /// Takes the book out of a shared state, and gives the strategy's part.
  mutating func open(_ state: SharedState) throws -> StrategyState {
    do {
      var note = ByteReader(state.note, place: "shared state of round \(state.round)")
      let version: UInt8 = try note.number()
      guard version == Self.noteVersion else {
        throw note.malformed("its note has version \(version), not \(Self.noteVersion)")
      }
      var reader = ByteReader(
        try note.run(max: Self.bookBytesMax), place: "book of round \(state.round)")
      let book = try RunBook(from: &reader)
      try reader.end()
      let word = try note.run(max: Self.strategyBytesMax)
      try note.end()
      self.book = book
      return StrategyState(
        tensors: state.tensors.map { NamedTensor(name: $0.name, values: $0.values) }, note: word)
    } catch let error as MalformedMessage {
      throw StrategyError(
        .stateMismatch, error.what, place: error.place,
        remedy: "Check that all peers run the same version of ferry, "
          + "and that the checkpoint is whole.")
    }
  }
}
