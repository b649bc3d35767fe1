// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryCodecs
public import FerryTensors

/// What a group does together, in all that its members must know alike: they compare it first.
public struct Operation: Sendable, Hashable, CustomStringConvertible {
  /// What becomes of whose values.
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// All get what `reduce` makes of all ranks' values. Ways: all.
    case allReduce = 1
    /// Each gets its own segment of that. Ways: direct, ring, hierarchical.
    case reduceScatter = 2
    /// All get the values of all, in rank order. Ways: direct, ring.
    case allGather = 3
    /// All get the root's values. Ways: direct, ring (a chain from the root), tree.
    case broadcast = 4
    /// The root gets the values of all, in rank order. Ways: direct.
    case gather = 5
    /// Each gets its own part of the root's values. Ways: direct.
    case scatter = 6
    /// Each gets its own part of all ranks' values, in rank order. Ways: direct.
    case allToAll = 7
    /// The destination gets the root's values. Ways: direct.
    case send = 8
    /// Nobody gets anything; it ends for none before it has begun for all. Ways: direct.
    case barrier = 9
  }

  /// The most bytes that an operation may give one rank, or take from it: 64 GiB.
  public static let byteCountMax = 1 << 36
  /// The longest wire form.
  public static let wireBytesMax = 1 << 16

  /// On the wire, in the place of a rank that is not given.
  private static let noRank = UInt16.max

  /// What becomes of whose values.
  public var kind: Kind
  /// How values become one, in kinds that make one of many.
  public var reduce: ReduceOperation
  /// Which way they take.
  public var algorithm: AllReduceAlgorithm
  /// How 32-bit floats are encoded; other elements travel as they are, and take `.float32` alone. A
  /// lossy codec needs finite values, and does not change what a rank keeps for itself alone.
  public var codec: CodecKind
  /// The rank whose values are sent, or that gets them: in broadcast, gather, scatter and send.
  public var root: Int?
  /// The rank that gets what the root sends: in send.
  public var destination: Int?
  /// What the values are.
  public var elementType: ElementType
  /// What is known of the links.
  public var topology: Topology

  public init(
    _ kind: Kind, reduce: ReduceOperation = .sum, algorithm: AllReduceAlgorithm = .automatic,
    codec: CodecKind = .float32, root: Int? = nil, destination: Int? = nil,
    elementType: ElementType = .f32, topology: Topology = Topology()
  ) {
    self.kind = kind
    self.reduce = reduce
    self.algorithm = algorithm
    self.codec = codec
    self.root = root
    self.destination = destination
    self.elementType = elementType
    self.topology = topology
  }

  /// What it is apart from ranks, in words that are equal only if the operations are.
  public var description: String {
    let isReduced = kind == .allReduce || kind == .reduceScatter
    let name = isReduced ? "\(kind) \(reduce)" : "\(kind)"
    let way = "\(name) of \(elementType) by \(algorithm.rawValue) as \(codec)"
    guard topology != Topology() else { return way }
    let digest = Digest.sha256(of: encoded()).prefix(4).map { String($0, radix: 16) }.joined()
    return "\(way), topology \(digest)"
  }

  /// The wire form, at most `wireBytesMax` bytes.
  public func encoded() -> [UInt8] {
    var out = ByteWriter()
    out.put(kind.rawValue)
    out.put(reduce.rawValue)
    out.put(algorithm.wireID)
    out.put(codec.wireID)
    out.put(elementType.number)
    for rank in [root, destination] { out.put(rank.map { UInt16($0) } ?? Self.noRank) }
    out.put(topology)
    return out.bytes
  }

  /// Reads one operation that fills `bytes` exactly.
  ///
  /// - Throws: when it does not, or a number in it names nothing.
  public init(decoding bytes: [UInt8]) throws(MalformedMessage) {
    var reader = ByteReader(bytes, place: "operation")
    guard bytes.count <= Self.wireBytesMax else {
      throw reader.malformed("\(bytes.count) bytes are above \(Self.wireBytesMax)")
    }
    func known<Value>(_ value: Value?, _ what: String) throws(MalformedMessage) -> Value {
      guard let value else { throw reader.malformed("no \(what) has this number") }
      return value
    }
    kind = try known(Kind(rawValue: try reader.number()), "kind")
    reduce = try known(ReduceOperation(rawValue: try reader.number()), "reduction")
    let algorithm = try reader.number(UInt8.self)
    self.algorithm = try known(
      AllReduceAlgorithm.allCases.first { $0.wireID == algorithm }, "algorithm")
    let codec = try reader.number(UInt8.self)
    self.codec = try known(try? CodecKind(wireID: codec), "codec")
    elementType = try known(ElementType(number: try reader.number()), "element type")
    func rank(_ number: UInt16) -> Int? { number == Self.noRank ? nil : Int(number) }
    root = rank(try reader.number())
    destination = rank(try reader.number())
    topology = try reader.topology()
    try reader.end()
  }
}
