// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// What a newcomer asks a fellow.
public enum StateRequest: Sendable, Hashable {
  /// Which state it holds.
  case root
  /// The manifest of a state.
  case manifest(root: [UInt8])
  /// One chunk of a state.
  case chunk(root: [UInt8], index: Int)
}

/// What a fellow answers.
public enum StateAnswer: Sendable, Hashable {
  /// The root of the state it holds, and the round after which it held.
  case root([UInt8], round: UInt64)
  /// The wire form of the manifest with this root.
  case manifest(root: [UInt8], bytes: [UInt8])
  /// The bytes of one chunk.
  case chunk(root: [UInt8], index: Int, bytes: [UInt8])
  /// It does not hold the state asked for (any more).
  case absent(root: [UInt8])
}

/// A message of a state transfer.
///
/// On the wire: a kind (1 byte); the root (32 bytes) but for `.root` requests; then the round (8
/// bytes), the chunk's index (4 bytes), or the bytes up to the end.
public enum StateMessage: Sendable, Hashable {
  case request(StateRequest)
  case answer(StateAnswer)

  private enum Kind: UInt8 {
    case askRoot = 0
    case askManifest = 1
    case askChunk = 2
    case root = 16
    case manifest = 17
    case chunk = 18
    case absent = 19
  }

  /// The wire form.
  public func encoded() -> [UInt8] {
    switch self {
    case .request(.root): return [Kind.askRoot.rawValue]
    case .request(.manifest(let root)): return Self.message(.askManifest, root).bytes
    case .request(.chunk(let root, let index)):
      var out = Self.message(.askChunk, root)
      out.put(UInt32(index))
      return out.bytes
    case .answer(.root(let root, let round)):
      var out = Self.message(.root, root)
      out.put(round)
      return out.bytes
    case .answer(.manifest(let root, let bytes)):
      var out = Self.message(.manifest, root, room: bytes.count)
      out.put(raw: bytes)
      return out.bytes
    case .answer(.chunk(let root, let index, let bytes)):
      var out = Self.message(.chunk, root, room: 4 + bytes.count)
      out.put(UInt32(index))
      out.put(raw: bytes)
      return out.bytes
    case .answer(.absent(let root)): return Self.message(.absent, root).bytes
    }
  }

  private static func message(_ kind: Kind, _ root: [UInt8], room: Int = 8) -> ByteWriter {
    precondition(root.count == Digest.byteCount, "a root of \(root.count) bytes")
    var out = ByteWriter(reserving: 1 + root.count + room)
    out.put(kind.rawValue)
    out.put(raw: root)
    return out
  }

  /// Reads a message that fills `bytes` exactly.
  public init(decoding bytes: [UInt8]) throws(MalformedMessage) {
    var reader = ByteReader(bytes, place: "state message")
    let number: UInt8 = try reader.number()
    guard let kind = Kind(rawValue: number) else {
      throw reader.malformed("no kind of message is \(number)")
    }
    let root = kind == .askRoot ? [] : try reader.raw(Digest.byteCount)
    switch kind {
    case .askRoot: self = .request(.root)
    case .askManifest: self = .request(.manifest(root: root))
    case .askChunk:
      self = .request(.chunk(root: root, index: Int(try reader.number(UInt32.self))))
    case .root: self = .answer(.root(root, round: try reader.number()))
    case .manifest:
      guard reader.remaining <= StateManifest.byteCountMax else {
        throw reader.malformed("a manifest of \(reader.remaining) bytes")
      }
      self = .answer(.manifest(root: root, bytes: reader.rest()))
    case .chunk:
      let index = Int(try reader.number(UInt32.self))
      guard reader.remaining <= StateManifest.chunkBytesMax else {
        throw reader.malformed("a chunk of \(reader.remaining) bytes")
      }
      self = .answer(.chunk(root: root, index: index, bytes: reader.rest()))
    case .absent: self = .answer(.absent(root: root))
    }
    try reader.end()
  }
}
