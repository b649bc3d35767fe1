// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCodecs
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryStrategies
import FerryTensors
import Foundation

/// Everything in the house that reads bytes from elsewhere. The first byte of an input chooses.
///
/// What is read must not crash, may not ask for more memory than its length pays for, and, said
/// again, must be the same: the encoding of what was decoded decodes to what encodes alike.
package enum Decoder: UInt8, CaseIterable {
  case frames, groupMessage, membershipMessage, chunk, stateMessage, stateManifest
  case hello, noisePayload, dialler, listener, records
  case ledger, roundNote, runBook, stateNote
  case codec, sparseIndices
  case joinLine, peerAddress, peerID, secret
  case safetensors, npy, checkpointManifest
  case group, operation, recordHeader, recordOrder, strand, shardCheckpoint

  /// What one input may take: its bytes many times over, and what a decoder needs anyway.
  static let blockBytesFree = 256 << 10
  static let blockBytesEach = 64
  static let totalBytesFree = 16 << 20
  static let totalBytesEach = 8192

  /// `FERRY_FUZZ_ONLY=chunk`: that one, whatever the first byte says.
  static let only: Decoder? = ProcessInfo.processInfo.environment["FERRY_FUZZ_ONLY"].flatMap {
    name in allCases.first { "\($0)" == name }
  }

  /// Whether the input was one for a decoder.
  ///
  /// - Parameter meter: told, before anything is read, the largest block and all that may be asked for.
  package static func take(
    _ input: [UInt8], meter: (_ largest: Int, _ total: Int) -> Void = { _, _ in }
  ) -> Bool {
    guard let first = input.first else { return false }
    let decoder = only ?? allCases[Int(first) % allCases.count]
    let bytes = Array(input.dropFirst())
    // Made once, whatever is read: not on the word of the first input.
    if decoder == .group { _ = SmallGroup.all.count }
    meter(
      blockBytesFree + blockBytesEach * bytes.count, totalBytesFree + totalBytesEach * bytes.count)
    return decoder.read(bytes)
  }

  /// Whether there was anything to read; refusals count.
  private func read(_ bytes: [UInt8]) -> Bool {
    do {
      switch self {
      case .frames: try Streams.frames(bytes)
      case .groupMessage: try again(bytes, { try GroupMessage($0.frame) }) { $0.frame().tagged }
      case .membershipMessage:
        try again(bytes, { try MembershipMessage(decoding: $0) }) { $0.encoded() }
      case .chunk: try same(bytes, { try Chunk(decoding: $0) }) { $0.encoded() }
      case .stateMessage: try same(bytes, { try StateMessage(decoding: $0) }) { $0.encoded() }
      case .stateManifest: try same(bytes, { try StateManifest(decoding: $0) }) { $0.encoded() }
      case .hello: try same(bytes, { try some(Hello($0)) }) { $0.encoded }
      case .noisePayload: _ = NoisePayload(bytes)?.vouches(for: bytes)
      case .dialler: try Streams.greeting(bytes, .dialler)
      case .listener: try Streams.greeting(bytes, .listener)
      case .records: try Streams.records(bytes)
      case .ledger: try same(bytes, { try SampleLedger(decoding: $0) }) { $0.encoded() }
      case .roundNote: try again(bytes, { try some(RoundNote($0)) }) { $0.bytes }
      case .runBook:
        try again(
          bytes,
          {
            var reader = ByteReader($0, place: "fuzz")
            let book = try RunBook(from: &reader)
            try reader.end()
            return book
          }
        ) { $0.bytes }
      case .stateNote:
        try again(bytes, { try StateNote(SharedState(round: 1, tensors: [], note: $0)) }) {
          $0.bytes
        }
      case .codec: try Values.codec(bytes)
      case .sparseIndices: try Values.sparse(bytes)
      case .joinLine: try again(bytes, { try JoinLine.parse($0.text) }) { Array($0.text.utf8) }
      case .peerAddress:
        try again(bytes, { try PeerAddress.parse($0.text) }) { Array($0.description.utf8) }
      case .peerID: try same(bytes, { try some(PeerID($0.text)) }) { Array($0.description.utf8) }
      case .secret: try same(bytes, { try some(RunSecret($0.text)) }) { Array($0.text.utf8) }
      case .safetensors:
        try again(bytes, { try Safetensors.decode($0, path: "fuzz") }) {
          try Safetensors.encode($0.tensors, metadata: $0.metadata)
        }
      case .npy:
        try again(bytes, { try Npy.decode($0.span.elementBytes, path: "fuzz") }) {
          try Npy.encode($0)
        }
      case .checkpointManifest:
        try again(bytes, { try CheckpointManifest(decoding: $0, place: "fuzz") }) { $0.encoded() }
      case .group: SmallGroup.hear(bytes)
      case .operation:
        try again(bytes, { try FerryCollectives.Operation(decoding: $0) }) { $0.encoded() }
      case .recordHeader:
        try again(bytes, { try RecordHeader($0[...], at: "fuzz") }) { $0.encoded }
      case .recordOrder: try Streams.order(bytes)
      case .strand: try Streams.strand(bytes)
      case .shardCheckpoint:
        try same(bytes, { try ShardCheckpoint(decoding: $0) }) { $0.encoded() }
      }
    } catch {
      // Refused, with a reason that can be said.
      precondition(!"\(error)".isEmpty, "a refusal without a word")
    }
    return true
  }
}

/// Reads; says what was read; reads that; says it again: both must be the same bytes.
private func again<Value>(
  _ bytes: [UInt8], _ decode: ([UInt8]) throws -> Value, _ encode: (Value) throws -> [UInt8]
) throws {
  let said = try encode(decode(bytes))
  do {
    let repeated = try encode(decode(said))
    precondition(said == repeated, "said again, it is something else: \(said) \(repeated)")
  } catch { preconditionFailure("what we would say ourselves is refused: \(error), \(said)") }
}

/// As `again`, of what has one form only: what was read is what is said.
private func same<Value>(
  _ bytes: [UInt8], _ decode: ([UInt8]) throws -> Value, _ encode: (Value) throws -> [UInt8]
) throws {
  let said = try encode(decode(bytes))
  precondition(said == bytes, "read \(bytes), and said \(said)")
}

private struct None: Error {}
private func some<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw None() }
  return value
}

extension [UInt8] {
  var text: String { String(decoding: self, as: UTF8.self) }
  /// A frame whose first byte is its purpose.
  fileprivate var frame: Frame {
    Frame(Purpose(rawValue: (first ?? 0) % 5) ?? .exchange, Array(dropFirst()))
  }
}

extension Frame {
  var tagged: [UInt8] { [purpose.rawValue] + payload }
}
