// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// What a state consists of and the hash of each of its chunks; its own hash is the state's root.
///
/// Members agree on the root, 32 bytes; whoever has the root can check a manifest from anybody, and
/// with the manifest each chunk from anybody.
public struct StateManifest: Sendable, Equatable {
  public static let tensorsMax = 1 << 16
  public static let nameBytesMax = 1024
  public static let noteBytesMax = 1 << 26
  /// 256 GiB of floats.
  public static let valuesMax = 1 << 36
  public static let chunkBytesMax = 1 << 20
  public static let chunkBytesMin = 1 << 14
  /// Of the wire form.
  public static let byteCountMax = 1 << 27

  public let round: UInt64
  public let names: [String]
  public let counts: [Int]
  public let noteByteCount: Int
  /// Bytes of each chunk but the last.
  public let chunkBytes: Int
  /// The chunks' digests, one after another.
  private let digests: [UInt8]
  let layout: StateLayout

  /// Reads the whole state once to hash it.
  public init(of state: SharedState) {
    precondition(
      state.tensors.count <= Self.tensorsMax && state.note.count <= Self.noteBytesMax
        && state.tensors.allSatisfy { $0.name.utf8.count <= Self.nameBytesMax },
      "a state of \(state.tensors.count) tensors with a note of \(state.note.count) bytes")
    round = state.round
    names = state.tensors.map(\.name)
    counts = state.tensors.map(\.values.count)
    noteByteCount = state.note.count
    let layout = StateLayout(state)
    self.layout = layout
    let chunkBytes = Self.chunkBytes(for: layout.floatsByteCount)
    self.chunkBytes = chunkBytes
    var digests: [UInt8] = []
    for start in stride(from: 0, to: layout.byteCount, by: chunkBytes) {
      let range = start..<min(start + chunkBytes, layout.byteCount)
      digests += Digest.sha256(of: layout.bytes(range, of: state))
    }
    self.digests = digests
  }

  /// A 128th of the floats, within bounds: a chunk that is fetched again must be a small part of the
  /// whole, or a small state would cost much more than its size. The note has no say, so that states
  /// of one shape are cut alike.
  package static func chunkBytes(for byteCount: Int) -> Int {
    let part = min(max(byteCount / 128, chunkBytesMin), chunkBytesMax)
    return (part + 3) / 4 * 4
  }

  /// Bytes of the floats and the note.
  public var stateByteCount: Int { layout.byteCount }
  public var chunkCount: Int { (layout.byteCount + chunkBytes - 1) / chunkBytes }

  /// The bytes of a chunk, counted from the state's start.
  public func range(_ chunk: Int) -> Range<Int> {
    chunk * chunkBytes..<min((chunk + 1) * chunkBytes, layout.byteCount)
  }

  /// The SHA-256 that a chunk must have.
  public func digest(_ chunk: Int) -> ArraySlice<UInt8> {
    digests[chunk * Digest.byteCount..<(chunk + 1) * Digest.byteCount]
  }

  /// The chunks of floats that another state of the same shape holds, too.
  func shared(with other: StateManifest) -> [Int] {
    guard names == other.names, counts == other.counts, chunkBytes == other.chunkBytes else {
      return []
    }
    let whole = 0..<layout.floatsByteCount / chunkBytes
    return whole.filter { digest($0) == other.digest($0) }
  }

  /// A state of this shape, all zeros.
  func emptyState() -> SharedState {
    SharedState(
      round: round,
      tensors: zip(names, counts).map {
        (name: $0, values: Array(repeating: 0, count: $1))
      }, note: Array(repeating: 0, count: noteByteCount))
  }

  /// The wire form; its SHA-256 is the state's root.
  public func encoded() -> [UInt8] {
    var out = ByteWriter(reserving: digests.count + 64 * names.count + 64)
    out.put(round)
    out.put(UInt32(noteByteCount))
    out.put(UInt32(chunkBytes))
    out.put(each: Array(zip(names, counts))) { out, tensor in
      out.put(tensor.0)
      out.put(UInt64(tensor.1))
    }
    out.put(raw: digests)
    return out.bytes
  }

  /// Reads a manifest that fills `bytes` exactly; nothing is allocated beyond what they back up.
  public init(decoding bytes: [UInt8]) throws(MalformedMessage) {
    var reader = ByteReader(bytes, place: "state manifest")
    guard bytes.count <= Self.byteCountMax else {
      throw reader.malformed("\(bytes.count) bytes, at most \(Self.byteCountMax) are allowed")
    }
    round = try reader.number()
    let noteByteCount = Int(try reader.number(UInt32.self))
    guard noteByteCount <= Self.noteBytesMax else {
      throw reader.malformed("a note of \(noteByteCount) bytes is above \(Self.noteBytesMax)")
    }
    let chunkBytes = Int(try reader.number(UInt32.self))
    guard chunkBytes % 4 == 0, (Self.chunkBytesMin...Self.chunkBytesMax).contains(chunkBytes) else {
      throw reader.malformed("chunks of \(chunkBytes) bytes")
    }
    var total: UInt64 = 0
    let tensors = try reader.each(max: Self.tensorsMax, byteCountMin: 12) {
      (reader: inout ByteReader) throws(MalformedMessage) -> (String, Int) in
      let name = try reader.text(max: Self.nameBytesMax)
      let count: UInt64 = try reader.number()
      guard count <= Self.valuesMax, total + count <= Self.valuesMax else {
        throw reader.malformed("more than \(Self.valuesMax) values")
      }
      total += count
      return (name, Int(count))
    }
    names = tensors.map(\.0)
    counts = tensors.map(\.1)
    self.noteByteCount = noteByteCount
    self.chunkBytes = chunkBytes
    layout = StateLayout(noteByteCount: noteByteCount, counts: counts)
    let chunks = (layout.byteCount + chunkBytes - 1) / chunkBytes
    guard reader.remaining == chunks * Digest.byteCount else {
      throw reader.malformed("\(reader.remaining) bytes of hashes for \(chunks) chunks")
    }
    digests = reader.rest()
  }
}
