// SPDX-License-Identifier: Apache-2.0

import FerryBasics
package import FerryCollectives
import FerryLearning

extension Trainer {
  /// What all members hold alike after `round`.
  func sharedState() throws -> SharedState {
    let state = try strategy.sharedState(of: replica)
    return SharedState(
      round: round, tensors: state.tensors.map { ($0.name, $0.values) },
      note: StateNote(book: bookBytes, strategy: state.note).bytes)
  }

  /// Takes the book out of a shared state, and gives the strategy's part.
  mutating func open(_ state: SharedState) throws -> StrategyState {
    let note = try StateNote(state)
    book = try note.decodedBook()
    return StrategyState(
      tensors: state.tensors.map { NamedTensor(name: $0.name, values: $0.values) },
      note: note.strategy)
  }
}

/// What the note of a shared state holds: the book, and the strategy's own word.
package struct StateNote {
  static let version: UInt8 = 1
  static let bookBytesMax = 80 << 20
  static let strategyBytesMax = 1 << 20

  let book: [UInt8]
  let strategy: [UInt8]
  private var place = "shared state"

  init(book: [UInt8], strategy: [UInt8]) {
    self.book = book
    self.strategy = strategy
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter(reserving: book.count + strategy.count + 16)
    writer.put(Self.version)
    writer.put(run: book)
    writer.put(run: strategy)
    return writer.bytes
  }

  /// - Throws: `.stateMismatch` for bytes that are no such note.
  package init(_ state: SharedState) throws(StrategyError) {
    place = "shared state of round \(state.round)"
    do throws(MalformedMessage) {
      var reader = ByteReader(state.note, place: place)
      let version: UInt8 = try reader.number()
      guard version == Self.version else {
        throw reader.malformed("its note has version \(version), not \(Self.version)")
      }
      book = try reader.run(max: Self.bookBytesMax)
      strategy = try reader.run(max: Self.strategyBytesMax)
      try reader.end()
    } catch {
      throw Self.mismatch(error)
    }
  }

  func decodedBook() throws -> RunBook {
    do {
      var reader = ByteReader(book, place: "book in the \(place)")
      let book = try RunBook(from: &reader)
      try reader.end()
      return book
    } catch let error as any FerryError {
      throw Self.mismatch(error)
    }
  }

  private static func mismatch(_ error: any FerryError) -> StrategyError {
    StrategyError(
      .stateMismatch, error.what, place: error.place,
      remedy: "Check that all peers run the same version of ferry, "
        + "and that the checkpoint is whole.")
  }
}
