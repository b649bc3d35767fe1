// SPDX-License-Identifier: Apache-2.0

import CFerry
import FerryCodecs
import FerryCollectives
import FerryPeers
import FerryTensors

/// What all kinds of operations have: numbers of the header as values.
struct Terms {
  static let codecs: [CodecKind] = [
    .float32, .bfloat16, .int8, .int8Stochastic, .int4, .int4Stochastic, .topK,
  ]

  let type: ElementType
  private let reduction: ReduceOperation
  private let codec: CodecKind
  private let weight: Double
  private let algorithm: AllReduceAlgorithm

  /// - Parameter name: of the struct, for errors.
  init(
    _ name: String, element: UInt32, reduction: UInt32, codec: UInt32, weight: Double,
    algorithm: UInt32 = 0
  ) throws(DoorError) {
    guard let type = UInt8(exactly: element).flatMap(ElementType.init(number:)) else {
      throw DoorError("\(name).element is \(element)")
    }
    guard let operation = UInt8(exactly: reduction).flatMap(ReduceOperation.init) else {
      throw DoorError("\(name).reduction is \(reduction)")
    }
    guard Self.codecs.indices.contains(Int(codec)) else {
      throw DoorError("\(name).codec is \(codec)")
    }
    let way = AllReduceAlgorithm.allCases.first { UInt32($0.wireID) == algorithm }
    guard let way else { throw DoorError("\(name).algorithm is \(algorithm)") }
    guard weight >= 0, weight.isFinite else { throw DoorError("a weight of \(weight)") }
    (self.type, self.reduction, self.codec) = (type, operation, Self.codecs[Int(codec)])
    (self.weight, self.algorithm) = (weight, way)
  }

  /// An all-reduce in place of values that are the library's.
  func allReduce(lending place: Place) throws -> Call {
    // Codecs that round look at all values before the first is sent.
    let lent = type == .f32 && codec != .float32 ? nil : place.lent()
    var call = try lent.map { Call.allReduce(lent: $0) } ?? Call.allReduce(try place.values())
    try put(into: &call)
    return call
  }

  /// - Throws: what no group can do.
  func put(into call: inout Call) throws(DoorError) {
    call.operation.reduce = reduction
    call.operation.codec = codec
    call.operation.algorithm = algorithm
    call.weight = weight
    if let refusal = call.operation.refusal { throw DoorError("\(refusal)") }
  }
}

/// A `ferry_operation`, read.
struct Request {
  let call: Call
  let channel: Channel
  /// Where the result goes.
  let result: Place

  init(_ pointer: UnsafePointer<ferry_operation>, me: PeerID) throws {
    // SAFETY: the header demands an operation of `size` bytes; no more than those are read. What it
    // points to is read here, and goes no further but as copies and places.
    let size = unsafe pointer.pointee.size
    guard unsafe size >= MemoryLayout<ferry_operation>.size else {
      throw DoorError("operation.size is \(size); set it to sizeof(struct ferry_operation)")
    }
    let wanted = unsafe pointer.pointee
    let kind = unsafe wanted.kind
    guard let kind = Kind(rawValue: kind) else { throw DoorError("operation.kind is \(kind)") }
    let terms = try unsafe Terms(
      "operation", element: kind == .barrier && wanted.element == 0 ? 1 : wanted.element,
      reduction: wanted.reduction, codec: wanted.codec,
      weight: wanted.has_weight ? wanted.weight : 1, algorithm: wanted.algorithm)
    let place = try unsafe Place(
      wanted.values, wanted.count, wanted.layout, of: terms.type, "operation.values")
    let hasResult = unsafe wanted.result != nil
    result =
      try hasResult
      ? unsafe Place(
        wanted.result, wanted.result_count, wanted.result_layout, of: terms.type,
        "operation.result") : place
    let peer = try unsafe Self.peer(wanted, kind)
    if kind != .send && kind != .barrier && (kind != .gather || peer == me) {
      try result.requireApart(hasResult ? "operation.result" : "operation.values")
    }
    if kind == .allReduce, unsafe wanted.lends, place.isSame(as: result) {
      call = try terms.allReduce(lending: place)
    } else {
      var call = try Self.call(
        kind, place, terms.type, me: me, peer: peer, parts: try unsafe Self.parts(wanted))
      try terms.put(into: &call)
      self.call = call
    }
    channel =
      switch kind {
      case .send: Channel(tag: unsafe wanted.tag, from: me, to: peer!)
      case .receive: Channel(tag: unsafe wanted.tag, from: peer!, to: me)
      default:
        try unsafe Self.members(wanted).map { Channel(tag: unsafe wanted.tag, among: $0) }
          ?? Channel(tag: unsafe wanted.tag)
      }
  }

  /// `enum ferry_kind`.
  private enum Kind: UInt32 {
    case allReduce = 1
    case reduceScatter, allGather, broadcast, gather, scatter, allToAll, send, barrier, receive
  }

  private static func call(
    _ kind: Kind, _ place: Place, _ type: ElementType, me: PeerID, peer: PeerID?,
    parts: [(PeerID, Int)]
  ) throws -> Call {
    /// Only who is read from gives values; for the others they would be copied in vain.
    func given(_ isRead: Bool = true) throws -> Values {
      isRead ? try place.values() : Values(type)
    }
    func divided() throws -> [PeerID: Values] {
      let values = try place.values()
      var rest = 0..<values.count
      var all: [PeerID: Values] = [:]
      for (member, count) in parts {
        guard (0...rest.count).contains(count), all[member] == nil else {
          throw DoorError(
            "operation.parts name a member twice, or more than \(values.count) values")
        }
        all[member] = values[rest.prefix(count)]
        rest = rest.dropFirst(count)
      }
      guard rest.isEmpty else {
        throw DoorError("operation.parts leave out \(rest.count) of \(values.count) values")
      }
      return all
    }
    return switch kind {
    case .allReduce: .allReduce(try given())
    case .reduceScatter: .reduceScatter(try given())
    case .allGather: .allGather(try given())
    case .broadcast: .broadcast(try given(peer == me), from: peer!)
    case .gather: .gather(try given(), to: peer!)
    case .scatter: .scatter(peer == me ? try divided() : [:], of: type, from: peer!)
    case .allToAll: .allToAll(try divided(), of: type)
    case .send: .send(try given(), from: me, to: peer!)
    case .receive: .receive(type, from: peer!, by: me)
    case .barrier: .barrier
    }
  }

  private static func peer(_ wanted: ferry_operation, _ kind: Kind) throws -> PeerID? {
    guard [.broadcast, .gather, .scatter, .send, .receive].contains(kind) else { return nil }
    guard let peer = unsafe wanted.peer else { throw DoorError("operation.peer is NULL") }
    // SAFETY: the header demands a member there.
    return unsafe PeerID(peer.pointee)
  }

  private static func members(_ wanted: ferry_operation) throws -> [PeerID]? {
    guard let first = unsafe wanted.members else { return nil }
    let count = unsafe wanted.member_count
    guard (1...View.membersMax).contains(count) else {
      throw DoorError("operation.member_count is \(count), not 1 to \(View.membersMax)")
    }
    // SAFETY: the header demands `member_count` members there.
    return unsafe UnsafeBufferPointer(start: first, count: count).map(PeerID.init)
  }

  private static func parts(_ wanted: ferry_operation) throws -> [(PeerID, Int)] {
    let count = unsafe wanted.part_count
    guard count != 0 else { return [] }
    guard (1...View.membersMax).contains(count), let first = unsafe wanted.parts else {
      throw DoorError("operation.part_count is \(count), not 0 to \(View.membersMax), or no parts")
    }
    // SAFETY: the header demands `part_count` parts there.
    return unsafe UnsafeBufferPointer(start: first, count: count).map { part in
      (PeerID(part.member), part.count)
    }
  }
}

extension PeerID {
  /// The peer with this name.
  init(_ member: ferry_member) {
    // SAFETY: copied before the borrow ends.
    let bytes = unsafe withUnsafeBytes(of: member.id) { unsafe Array($0) }
    // As many as an identity has, by the header.
    self = PeerID(bytes: bytes)!
  }
}

extension ferry_member {
  /// The peer's name.
  init(_ peer: PeerID) {
    self.init()
    // SAFETY: as many bytes as there is room for.
    unsafe withUnsafeMutableBytes(of: &id) { unsafe $0.copyBytes(from: peer.bytes) }
  }
}
