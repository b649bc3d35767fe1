// SPDX-License-Identifier: Apache-2.0

import FerryTensors

/// What all members of a group hold alike after a round, bit for bit: named floats, and a note.
public struct SharedState: Sendable {
  /// The last round that is applied in it; 0 before the first.
  public let round: UInt64
  /// Tensors by name (at most `StateManifest.nameBytesMax` bytes), in an order that is the same on
  /// all members.
  public internal(set) var tensors: [(name: String, values: [Float])]
  /// Whatever else belongs to it: counters, the ledger of samples; at most
  /// `StateManifest.noteBytesMax` bytes.
  public internal(set) var note: [UInt8]

  public init(round: UInt64, tensors: [(name: String, values: [Float])], note: [UInt8]) {
    self.round = round
    self.tensors = tensors
    self.note = note
  }

  /// The size of the state, in bytes: its note and its floats.
  public var byteCount: Int { note.count + 4 * tensors.reduce(0) { $0 + $1.values.count } }
}

/// The state as one run of bytes: the floats in order, then the note.
///
/// So that chunks are equally long however many small tensors there are, and no float is cut; and
/// so that a note that grows moves no float into another chunk.
struct StateLayout: Sendable, Equatable {
  let noteByteCount: Int
  /// Where each tensor starts, in bytes, and where the last one ends.
  private let starts: [Int]

  init(noteByteCount: Int, counts: [Int]) {
    self.noteByteCount = noteByteCount
    var starts = [0]
    starts.reserveCapacity(counts.count + 1)
    for count in counts { starts.append(starts.last! + 4 * count) }
    self.starts = starts
  }

  init(_ state: SharedState) {
    self.init(noteByteCount: state.note.count, counts: state.tensors.map(\.values.count))
  }

  /// Of the floats alone.
  var floatsByteCount: Int { starts.last! }
  var byteCount: Int { floatsByteCount + noteByteCount }

  /// The bytes of the note that lie in a range, counted from the note's start.
  private func note(in range: Range<Int>) -> Range<Int> {
    let part = range.clamped(to: floatsByteCount..<byteCount)
    return part.lowerBound - floatsByteCount..<part.upperBound - floatsByteCount
  }

  /// The bytes of a range, copied out of a state that has this layout.
  func bytes(_ range: Range<Int>, of state: SharedState) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    let note = note(in: range)
    if !note.isEmpty {
      let place = floatsByteCount + note.lowerBound - range.lowerBound
      Self.write(state.note[note], at: place, in: &bytes)
    }
    for tensor in tensors(in: range) {
      let part = range.clamped(to: starts[tensor]..<starts[tensor + 1])
      let values = (part.lowerBound - starts[tensor]) / 4..<(part.upperBound - starts[tensor]) / 4
      Self.copy(
        state.tensors[tensor].values, values, to: &bytes, at: part.lowerBound - range.lowerBound)
    }
    return bytes
  }

  /// Puts bytes into their place in a state that has this layout.
  func put(_ bytes: [UInt8], at start: Int, in state: inout SharedState) {
    let range = start..<start + bytes.count
    let note = note(in: range)
    if !note.isEmpty {
      let offset = floatsByteCount - start
      let part = bytes[note.lowerBound + offset..<note.upperBound + offset]
      Self.write(part, at: note.lowerBound, in: &state.note)
    }
    for tensor in tensors(in: range) {
      let part = range.clamped(to: starts[tensor]..<starts[tensor + 1])
      Self.fill(
        &state.tensors[tensor].values, from: (part.lowerBound - starts[tensor]) / 4,
        with: bytes.span.extracting(part.lowerBound - start..<part.upperBound - start))
    }
  }

  /// The tensors that have bytes in a range.
  private func tensors(in range: Range<Int>) -> Range<Int> {
    let tensors = 0..<starts.count - 1
    guard range.lowerBound < floatsByteCount, !range.isEmpty else { return 0..<0 }
    return first(tensors) {
      starts[$0 + 1] > range.lowerBound
    }..<first(tensors) { starts[$0] >= range.upperBound }
  }

  /// The first index that satisfies what holds for all after it, by bisection.
  private func first(_ range: Range<Int>, where holds: (Int) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private static func write(_ source: ArraySlice<UInt8>, at start: Int, in target: inout [UInt8]) {
    target.replaceSubrange(start..<start + source.count, with: source)
  }

  private static func copy(
    _ source: borrowing [Float], _ range: Range<Int>, to bytes: inout [UInt8], at start: Int
  ) {
    var all = bytes.mutableSpan
    var target = all._mutatingExtracting(start..<start + 4 * range.count)
    Bytes.copy(source.span.extracting(range).elementBytes, into: &target)
  }

  private static func fill(_ values: inout [Float], from index: Int, with bytes: Span<UInt8>) {
    var all = values.mutableSpan
    var target = all._mutatingExtracting(index..<index + bytes.count / 4)
    Bytes.copy(bytes.elementBytes, into: &target)
  }
}
