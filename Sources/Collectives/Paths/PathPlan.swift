// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// Which way an operation takes over the links as they were measured: one member proposes it with
/// its `ready`, and all follow it.
public struct PathPlan: Sendable, Hashable {
  /// Never `.automatic`.
  public var algorithm: AllReduceAlgorithm
  public var topology: Topology

  /// The longest wire form.
  static let wireBytesMax = Operation.wireBytesMax

  public init(_ algorithm: AllReduceAlgorithm, _ topology: Topology = Topology()) {
    self.algorithm = algorithm
    self.topology = topology
  }

  /// The wire form.
  public func encoded() -> [UInt8] {
    var out = ByteWriter()
    out.put(algorithm.wireID)
    out.put(topology)
    return out.bytes
  }

  /// Reads one plan that fills `bytes` exactly.
  public init(decoding bytes: [UInt8]) throws(MalformedMessage) {
    var reader = ByteReader(bytes, place: "plan")
    guard bytes.count <= Self.wireBytesMax else {
      throw reader.malformed("\(bytes.count) bytes are above \(Self.wireBytesMax)")
    }
    let number = try reader.number(UInt8.self)
    guard let algorithm = AllReduceAlgorithm.allCases.first(where: { $0.wireID == number }) else {
      throw reader.malformed("no algorithm has the number \(number)")
    }
    self.algorithm = algorithm
    topology = try reader.topology()
    try reader.end()
  }

  /// Whether it can be followed in an operation that leaves the way open.
  ///
  /// - Throws: `.badGroup`, the proposer its culprit.
  package func check(
    _ operation: Operation, world: Int, isOpen: Bool
  ) throws(CollectiveError) {
    let proposer = operation.proposer
    func refused(_ what: String) -> CollectiveError {
      CollectiveError(
        .badGroup, what, place: "plan of \(world) ranks",
        remedy: "Rank \(proposer) is broken, hostile or of another version.", culprit: proposer)
    }
    guard isOpen else { throw refused("the way is not its to choose") }
    guard algorithm != .automatic else { throw refused("it leaves the way open") }
    guard operation.ways.contains(algorithm) else {
      throw refused("\(operation.kind) has no way \(algorithm.rawValue)")
    }
    guard !operation.isLossy || Self.gentle(operation.kind).contains(algorithm) else {
      throw refused("\(algorithm.rawValue) rounds more than twice")
    }
    do {
      try topology.check(world: world)
    } catch {
      throw refused(error.what)
    }
  }

  /// The ways in which a lossy codec rounds a value twice at most: what is only passed on is rounded
  /// once, whichever way it goes.
  static func gentle(_ kind: Operation.Kind) -> [AllReduceAlgorithm] {
    switch kind {
    case .allReduce: [.oneShot, .direct, .star]
    case .reduceScatter: [.direct]
    default: Operation(kind).ways
    }
  }
}
