// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// One piece of one segment on its way: the unit that collectives send.
///
/// On the wire: phase (1 byte), three zero bytes, segment, piece and payload length (4 bytes each,
/// little-endian), payload.
public struct Chunk: Sendable, Equatable {
  /// What a chunk is part of.
  public enum Phase: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// A contribution, or a partial sum of contributions.
    case reduceScatter = 0
    /// A finished piece.
    case allGather = 1
    /// A piece of the root's values.
    case broadcast = 2

    public var description: String {
      switch self {
      case .reduceScatter: "reduce-scatter"
      case .allGather: "all-gather"
      case .broadcast: "broadcast"
      }
    }
  }

  /// Bytes in front of the payload.
  public static let headerByteCount = 16
  /// The longest payload a chunk may have; a piece of 65,536 f32 elements has 256 KiB.
  public static let payloadBytesMax = 1 << 20

  public let phase: Phase
  public let segment: Int
  public let piece: Int
  public let payload: [UInt8]

  /// `segment` and `piece` fit 32 bits; the payload has at most `payloadBytesMax` bytes.
  public init(phase: Phase, segment: Int, piece: Int, payload: [UInt8]) {
    precondition(
      UInt32(exactly: segment) != nil && UInt32(exactly: piece) != nil
        && payload.count <= Self.payloadBytesMax,
      "chunk \(segment)/\(piece) of \(payload.count) bytes does not fit the wire")
    self.phase = phase
    self.segment = segment
    self.piece = piece
    self.payload = payload
  }

  /// How many bytes `append` adds.
  public var byteCount: Int { Self.headerByteCount + payload.count }

  /// Appends the chunk in its wire form, so that a caller's own header may stand before it.
  public func append(to bytes: inout [UInt8]) {
    var header = ByteWriter(reserving: Self.headerByteCount)
    header.put(UInt32(phase.rawValue))
    header.put(UInt32(segment))
    header.put(UInt32(piece))
    header.put(UInt32(payload.count))
    bytes.reserveCapacity(bytes.count + byteCount)
    bytes.append(contentsOf: header.bytes)
    bytes.append(contentsOf: payload)
  }

  /// The wire form.
  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  /// Reads one chunk that fills `bytes` exactly.
  ///
  /// - Throws: when it does not; nothing is allocated before the length is checked.
  public init(decoding bytes: ArraySlice<UInt8>) throws(MalformedMessage) {
    var reader = ByteReader(Array(bytes.prefix(Self.headerByteCount)), place: "chunk")
    let phaseNumber: UInt32 = try reader.number()
    guard let phase = UInt8(exactly: phaseNumber).flatMap(Phase.init(rawValue:)) else {
      throw reader.malformed("no phase has the number \(phaseNumber)")
    }
    segment = Int(try reader.number(UInt32.self))
    piece = Int(try reader.number(UInt32.self))
    let length = Int(try reader.number(UInt32.self))
    guard length <= Self.payloadBytesMax else {
      throw reader.malformed("a payload of \(length) bytes is above \(Self.payloadBytesMax)")
    }
    let follow = bytes.count - Self.headerByteCount
    guard length == follow else {
      throw reader.malformed("the header announces \(length) payload bytes, \(follow) follow")
    }
    self.phase = phase
    payload = Array(bytes.dropFirst(Self.headerByteCount))
  }

  /// Reads one chunk that fills `bytes` exactly.
  public init(decoding bytes: [UInt8]) throws(MalformedMessage) {
    try self.init(decoding: bytes[...])
  }
}

/// A chunk and the rank it goes to.
public struct Outgoing: Sendable, Equatable {
  public let rank: Int
  public let chunk: Chunk

  public init(to rank: Int, _ chunk: Chunk) {
    self.rank = rank
    self.chunk = chunk
  }
}
