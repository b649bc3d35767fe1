// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
import FerryTensors

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
    /// A piece of one rank's values, on its way to another.
    case delivery = 3
    /// Nothing but the word that its sender has come so far.
    case barrier = 4

    public var description: String {
      switch self {
      case .reduceScatter: "reduce-scatter"
      case .allGather: "all-gather"
      case .broadcast: "broadcast"
      case .delivery: "delivery"
      case .barrier: "barrier"
      }
    }
  }

  /// Bytes in front of the payload.
  public static let headerByteCount = 16
  /// The longest payload a chunk may have; a piece of 32,768 f32 elements has 128 KiB.
  public static let payloadBytesMax = 1 << 20

  public let phase: Phase
  public let segment: Int
  public let piece: Int
  /// The carrier's header, then the wire form: written in one place and sent from there.
  package let bytes: [UInt8]
  /// Bytes of the carrier's header.
  package let prefixByteCount: Int

  /// `segment` and `piece` fit 32 bits; the payload has at most `payloadBytesMax` bytes.
  public init(phase: Phase, segment: Int, piece: Int, payload: [UInt8]) {
    self.init(phase: phase, segment: segment, piece: piece, payloadByteCount: payload.count) {
      Bytes.copy(payload.span.elementBytes, into: &$0)
    }
  }

  /// A chunk whose payload is written in place.
  ///
  /// - Parameters:
  ///   - prefix: put in front of the wire form: a carrier's own header, which saves it a copy.
  ///   - fill: writes exactly `payloadByteCount` bytes.
  package init<Failure: Error>(
    phase: Phase, segment: Int, piece: Int, prefix: [UInt8] = [], payloadByteCount: Int,
    fill: (inout MutableSpan<UInt8>) throws(Failure) -> Void
  ) throws(Failure) {
    precondition(
      UInt32(exactly: segment) != nil && UInt32(exactly: piece) != nil
        && payloadByteCount <= Self.payloadBytesMax,
      "chunk \(segment)/\(piece) of \(payloadByteCount) bytes does not fit the wire")
    self.phase = phase
    self.segment = segment
    self.piece = piece
    prefixByteCount = prefix.count
    var header = ByteWriter(reserving: prefix.count + Self.headerByteCount)
    header.put(raw: prefix)
    header.put(UInt32(phase.rawValue))
    header.put(UInt32(segment))
    header.put(UInt32(piece))
    header.put(UInt32(payloadByteCount))
    let start = header.bytes.count
    bytes = try Bytes.filled(start + payloadByteCount) {
      (all: inout MutableSpan<UInt8>) throws(Failure) in
      Bytes.copy(header.bytes.span.elementBytes, into: &all)
      var payload = all._mutatingExtracting(start..<start + payloadByteCount)
      try fill(&payload)
    }
  }

  private var payloadStart: Int { prefixByteCount + Self.headerByteCount }
  public var payloadByteCount: Int { bytes.count - payloadStart }
  public var payload: ArraySlice<UInt8> { bytes[payloadStart...] }
  /// The payload where it lies.
  var payloadSpan: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(payloadStart...) }
  }

  /// The wire form.
  public func encoded() -> [UInt8] { Array(bytes[prefixByteCount...]) }

  /// Equal on the wire, whatever stands in front.
  public static func == (a: Chunk, b: Chunk) -> Bool {
    a.phase == b.phase && a.segment == b.segment && a.piece == b.piece && a.payload == b.payload
  }

  /// Reads one chunk that fills `bytes` exactly after the carrier's header; takes them as they are.
  ///
  /// - Throws: when it does not; nothing is allocated before the length is checked.
  public init(decoding bytes: [UInt8], after prefixByteCount: Int = 0) throws(MalformedMessage) {
    let body = bytes.dropFirst(prefixByteCount)
    var reader = ByteReader(Array(body.prefix(Self.headerByteCount)), place: "chunk")
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
    let follow = body.count - Self.headerByteCount
    guard length == follow else {
      throw reader.malformed("the header announces \(length) payload bytes, \(follow) follow")
    }
    self.phase = phase
    self.bytes = bytes
    self.prefixByteCount = prefixByteCount
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
