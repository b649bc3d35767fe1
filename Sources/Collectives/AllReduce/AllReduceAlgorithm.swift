// SPDX-License-Identifier: Apache-2.0

public import FerryCodecs
public import FerryTensors

/// Which way an operation takes. All-reduce has them all; `Operation` says what the others have.
///
/// In brackets: hops, and how often a lossy codec rounds, with W ranks.
public enum AllReduceAlgorithm: String, Sendable, CaseIterable {
  /// One of the others, by codec, size and topology; `choice` says which and why.
  case automatic
  /// Everyone to everyone, whole (1, 1).
  case oneShot = "one-shot"
  /// Each share straight to its owner, the sum straight back (2, 2).
  case direct
  /// Recursive halving and doubling (2 log₂ W, as often).
  case halvingDoubling = "halving-doubling"
  /// Round a ring, in the topology's order (2 (W − 1), W): the most bandwidth over few links.
  case ring
  /// Up a binomial tree and down again, the topology's hub its root (2 ⌈log₂ W⌉, ⌈log₂ W⌉ + 1).
  case tree
  /// All to the topology's hub, and back (2, 2).
  case star
  /// Within the topology's islands, across them, and within them again; 4 hops and 3 roundings in two
  /// levels, 6 and 4 in three. Without islands it is `direct`.
  case hierarchical

  /// A rank sends at most this many encoded bytes in one shot: fewer than a hop costs.
  public static let oneShotBytesMax = 48 << 10
  /// Vectors of at most this many encoded bytes go direct: their time is hops, not bandwidth.
  public static let directBytesMax = 1 << 20

  /// The number in messages; never reused.
  public var wireID: UInt8 {
    switch self {
    case .automatic: 0
    case .ring: 1
    case .direct: 2
    case .oneShot: 3
    case .halvingDoubling: 4
    case .tree: 5
    case .star: 6
    case .hierarchical: 7
    }
  }

  /// What is done, and the reason as a sentence for log and status.
  ///
  /// Depends only on what all ranks know alike, so that all choose the same. A lossy codec rounds
  /// twice at most in what `.automatic` chooses, whatever the world.
  /// - Returns: never `.automatic`.
  public func choice(
    count: Int, world: Int, codec: any Codec, elementType: ElementType = .f32,
    topology: Topology = Topology()
  ) -> (algorithm: AllReduceAlgorithm, reason: String) {
    let (algorithm, reason) = chosen(
      count: count, world: world, codec: codec, elementType: elementType, topology: topology)
    return (algorithm, reason())
  }

  /// As `choice`, for those who do not ask why: a small operation would take longer over its reason
  /// than over its sum.
  func chosen(
    count: Int, world: Int, codec: any Codec, elementType: ElementType, topology: Topology
  ) -> (algorithm: AllReduceAlgorithm, reason: () -> String) {
    let isFloat = elementType == .f32
    let bytes = isFloat ? codec.byteCount(for: count) : count * elementType.byteWidth
    guard self == .automatic else { return (self, { "\(rawValue): configured" }) }
    if world > 1, bytes * (world - 1) <= Self.oneShotBytesMax {
      return (.oneShot, { "one-shot: \(bytes) bytes to each cost less than another hop" })
    }
    if world <= 2 { return (.direct, { "direct: with \(world) ranks it is the ring" }) }
    if isFloat, codec.isLossy {
      return (
        .direct,
        { "direct: \(codec.name) rounds, and a ring would round once more at each of its hops" }
      )
    }
    if bytes <= Self.directBytesMax {
      return (.direct, { "direct: \(bytes) bytes are few, and two hops are fast" })
    }
    if let inner = topology.islands.first, inner.count > 1, inner.count < world {
      return (
        .hierarchical,
        {
          "hierarchical: \(bytes) bytes are many, and \(inner.count) islands have slow links between"
        }
      )
    }
    let name = isFloat ? codec.name : "\(elementType)"
    return (
      .ring, { "ring: \(bytes) bytes of \(name) are many, and every link carries the same" }
    )
  }

  /// This rank's machine; the reduction is of floats.
  public func machine(_ values: [Float], in reduction: Reduction) -> any AllReduceMachine {
    guard let machine = allReduce(Given(values), in: reduction) as? any AllReduceMachine else {
      preconditionFailure("a machine of floats gives no floats")
    }
    return machine
  }

  /// This rank's machine for elements of any type.
  func allReduce<Element: CollectiveElement>(
    _ given: Given<Element>, in terms: Reduction
  ) -> any CollectiveMachine {
    let chosen = chosen(
      count: given.count, world: terms.world, codec: terms.codec,
      elementType: terms.elementType, topology: terms.topology)
    switch chosen.algorithm {
    case .oneShot: return OneShot(given.values(), in: terms)
    case .halvingDoubling: return HalvingDoubling.machine(given, in: terms)
    case let other:
      let route = other.route(in: terms)
      let shares = route.segmentCount == terms.world ? terms.topology.shares : []
      let ranges =
        shares.isEmpty
        ? Segments.even(given.count, in: route.segmentCount)
        : Segments.shared(given.count, by: shares)
      return route.relay(given, ranges, in: terms, isSpread: true)
    }
  }

  /// The trees by which partial sums and results travel.
  func route(in terms: Reduction) -> any Route {
    route(world: terms.world, topology: terms.topology)
  }

  package func route(world: Int, topology: Topology) -> any Route {
    switch self {
    case .ring: Ring(world: world, order: topology.order)
    case .tree: BinomialTree(world: world, root: topology.hub)
    case .star: Star(world: world, hubs: [topology.hub])
    case .hierarchical: Islands(world: world, partitions: topology.islands)
    case .automatic, .direct, .oneShot, .halvingDoubling:
      Star(world: world, hubs: Array(0..<world))
    }
  }
}

extension Route {
  /// The machine that moves values along this route: an all-reduce, or a reduce-scatter, which
  /// leaves each rank its own segment.
  func relay<Element: CollectiveElement>(
    _ given: Given<Element>, _ ranges: [Range<Int>], in terms: Reduction, isSpread: Bool
  ) -> Relay<Element> {
    let all = 0..<given.count
    let longest = ranges.map(\.count).max() ?? 0
    return Relay(
      Gathered(like: given), adding: terms.scaled(given),
      legs: legs(ranges, terms: terms, isSpread: isSpread), terms: terms,
      pieceElements: terms.pieceElements(of: longest, as: Element.self), spreadPhase: .allGather,
      result: isSpread ? all : ranges[terms.rank])
  }
}
