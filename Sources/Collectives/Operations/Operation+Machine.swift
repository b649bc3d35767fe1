// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
import FerryCodecs
import FerryTensors

extension Operation {
  /// This rank's machine for the operation.
  ///
  /// - Parameters:
  ///   - rank: this member's place, in `0..<counts.count`.
  ///   - weights: one a rank, for kinds that reduce; see `ReduceOperation`. Empty: all 1.
  ///   - input: what this rank gives. What the other ranks than the root give in broadcast, scatter
  ///     and send is not looked at.
  ///   - lent: in place of `input`, in all-reduce: where the result goes, too, with ways that work
  ///     piece by piece; the output is empty then.
  ///   - counts: what each rank gives to each rank, agreed by all; see `check`.
  ///   - seed: for codecs that round at random, the same on all ranks.
  ///   - chunkPrefix: put in front of every chunk: its carrier's own header.
  ///   - fingerprintSeed: of the result's fingerprint, where it is wanted as pieces are finished.
  ///   - pieceElements: of a piece, the same on all ranks; nil chooses by the vector's length.
  /// - Throws: `.badOperation` when counts do not fit, naming the rank, or as `refusal`; `.badGroup`
  ///   for weights or a topology that make no sense.
  package func machine(
    rank: Int, weights: [Double] = [], input: Values, lent: LentMemory? = nil, counts: [[Int]],
    seed: Seed, chunkPrefix: [UInt8] = [], fingerprintSeed: Seed? = nil, pieceElements: Int? = nil
  ) throws(CollectiveError) -> any CollectiveMachine {
    let world = counts.count
    precondition((0..<world).contains(rank), "rank \(rank) among \(world)")
    if let refusal { throw refusal }
    try check(
      counts, rank: rank, giving: lent?.count ?? input.count, of: input.elementType, world: world)
    guard weights.isEmpty || weights.count == world else {
      throw refusing("\(weights.count) ranks have a weight, of \(world)", nil)
    }
    let isReduced = kind == .allReduce || kind == .reduceScatter
    let ones = [Double](repeating: 1, count: world)
    var terms = try Reduction(
      rank: rank, weights: isReduced && !weights.isEmpty ? weights : ones, codec: codec.codec(),
      operation: isReduced ? reduce : .sum, elementType: elementType, seed: seed,
      topology: topology, pieceElements: pieceElements)
    (terms.chunkPrefix, terms.fingerprintSeed) = (chunkPrefix, fingerprintSeed)
    let isRead = input.elementType == elementType
    return (isRead ? input : Values(elementType)).visit(
      MachineMaker(operation: self, terms: terms, counts: counts, lent: lent))
  }

  /// The way that is taken where it is left open and nothing is known of the links, and why.
  package func usualWay(count: Int, world: Int) -> (algorithm: AllReduceAlgorithm, reason: String) {
    switch kind {
    case .allReduce:
      AllReduceAlgorithm.automatic.choice(
        count: count, world: world, codec: codec.codec(), elementType: elementType)
    // Few values go from the root to all at once; many down a chain that starts at the root, piece by
    // piece: no link carries them more than once, and all work at the same time.
    case .broadcast where count > Pieces.elements(of: count, width: elementType.byteWidth):
      (.ring, "ring: many values go down a chain, piece by piece")
    default: (.direct, "direct: each sends to whom it has something for")
    }
  }

  /// Whether the group may choose among several ways.
  var isWayOpen: Bool { algorithm == .automatic && topology == Topology() && ways.count > 1 }

  /// The rank that chooses then: one that knows how much there is to move.
  var proposer: Int { root ?? 0 }

  /// Whether its codec rounds values.
  var isLossy: Bool { elementType == .f32 && codec.codec().isLossy }

  /// The trees by which a broadcast goes.
  func broadcastRoute(world: Int) -> any Route {
    switch algorithm {
    case .ring: Ring(world: world, order: topology.order)
    case .tree: BinomialTree(world: world, root: root ?? 0)
    default: Star(world: world, hubs: [root ?? 0])
    }
  }

  /// Which segment of them: in a ring, segment `s` starts at rank `s`; the others have one.
  static func broadcastSegment(_ root: Int, of route: any Route) -> Int {
    route.segmentCount > 1 ? root : 0
  }

  /// The algorithms that may be asked for, besides `.automatic`.
  public var ways: [AllReduceAlgorithm] {
    switch kind {
    case .allReduce: AllReduceAlgorithm.allCases.filter { $0 != .automatic }
    case .reduceScatter: [.direct, .ring, .hierarchical]
    case .allGather: [.direct, .ring]
    case .broadcast: [.direct, .ring, .tree]
    case .gather, .scatter, .allToAll, .send, .barrier: [.direct]
    }
  }
}

/// Makes the machine for values of whatever type.
private struct MachineMaker: ElementVisitor {
  let operation: Operation
  let terms: Reduction
  let counts: [[Int]]
  let lent: LentMemory?

  private var rank: Int { terms.rank }
  private var world: Int { terms.world }
  /// Checked to be there where it is used.
  private var root: Int { operation.root ?? -1 }

  func visit<Element: CollectiveElement>(_ values: [Element]) -> any CollectiveMachine {
    switch operation.kind {
    case .allReduce:
      operation.algorithm.allReduce(lent.map { Given(lent: $0) } ?? Given(values), in: terms)
    case .reduceScatter: reduceScatter(values)
    case .allGather: allGather(values)
    case .broadcast: broadcast(values)
    case .gather: gather(values)
    case .scatter: scatter(values)
    case .allToAll: allToAll(values)
    case .send: send(values)
    case .barrier: Barrier.machine(terms) as Staged<Element>
    }
  }

  private func reduceScatter<Element: CollectiveElement>(_ values: [Element]) -> Relay<Element> {
    let ranges =
      counts[0].count == world
      ? Segments.ranges(counts[0]) : Segments.even(values.count, in: world)
    return operation.algorithm.route(in: terms).relay(
      Given(values), ranges, in: terms, isSpread: false)
  }

  private func allGather<Element: CollectiveElement>(_ values: [Element]) -> Relay<Element> {
    let ranges = Segments.ranges(counts.map { $0[0] })
    let route = operation.algorithm.route(in: terms)
    let legs = ranges.enumerated().map { segment, range in
      spread(segment, range, along: route)
    }
    var all = Gathered([Element](repeating: .zero, count: ranges.last!.upperBound))
    Arithmetic.copy(values.span, to: &all, at: ranges[rank].lowerBound)
    return relay(all, legs, .allGather, result: 0..<all.count)
  }

  private func broadcast<Element: CollectiveElement>(_ values: [Element]) -> Relay<Element> {
    let count = counts[root][0]
    var operation = operation
    if operation.algorithm == .automatic {
      operation.algorithm = operation.usualWay(count: count, world: world).algorithm
    }
    let route = operation.broadcastRoute(world: world)
    let leg = spread(
      0, 0..<count, along: route, as: Operation.broadcastSegment(root, of: route))
    let all = rank == root ? values : [Element](repeating: .zero, count: count)
    return relay(Gathered(all), [leg], .broadcast, result: 0..<count)
  }

  private func gather<Element: CollectiveElement>(_ values: [Element]) -> Relay<Element> {
    guard rank == root else {
      let leg = Leg(
        segment: rank, range: 0..<values.count, isKept: false, downstream: [root])
      return relay(Gathered(values), [leg], .delivery, result: 0..<0)
    }
    let ranges = Segments.ranges(counts.map { $0[0] })
    let legs = ranges.enumerated().map { segment, range in
      Leg(segment: segment, range: range, upstream: segment == rank ? nil : segment)
    }
    var all = Gathered([Element](repeating: .zero, count: ranges.last!.upperBound))
    Arithmetic.copy(values.span, to: &all, at: ranges[rank].lowerBound)
    return relay(all, legs, .delivery, result: 0..<all.count)
  }

  private func scatter<Element: CollectiveElement>(_ values: [Element]) -> Relay<Element> {
    guard rank == root else {
      let own = 0..<counts[root][rank]
      let leg = Leg(segment: rank, range: own, upstream: root)
      return relay(
        Gathered([Element](repeating: .zero, count: own.count)), [leg], .delivery, result: own)
    }
    let ranges = Segments.ranges(counts[root])
    let legs = ranges.enumerated().map { segment, range in
      Leg(
        segment: segment, range: range, isKept: false, downstream: segment == rank ? [] : [segment])
    }
    return relay(Gathered(values), legs, .delivery, result: ranges[rank])
  }

  private func send<Element: CollectiveElement>(_ values: [Element]) -> Relay<Element> {
    let (all, none) = (0..<counts[root][0], 0..<0)
    let to = operation.destination!
    if rank == root, rank != to {
      let leg = Leg(segment: 0, range: all, isKept: false, downstream: [to])
      return relay(Gathered(values), [leg], .delivery, result: none)
    }
    guard rank == to else { return relay(Gathered([Element]()), [], .delivery, result: none) }
    let leg = Leg(segment: 0, range: all, upstream: rank == root ? nil : root)
    let own = rank == root ? values : [Element](repeating: .zero, count: all.count)
    return relay(Gathered(own), [leg], .delivery, result: all)
  }

  /// Segment `i W + j` goes from rank `i` to rank `j`; what comes lies before what goes.
  private func allToAll<Element: CollectiveElement>(_ values: [Element]) -> Relay<Element> {
    let came = Segments.ranges(counts.map { $0[rank] })
    let goes = Segments.ranges(counts[rank])
    let end = came.last!.upperBound
    var legs: [Leg] = []
    for other in 0..<world where other != rank {
      let range = goes[other].lowerBound + end..<goes[other].upperBound + end
      legs.append(
        Leg(segment: rank * world + other, range: range, isKept: false, downstream: [other]))
      legs.append(Leg(segment: other * world + rank, range: came[other], upstream: other))
    }
    var all = Gathered([Element](repeating: .zero, count: end) + values)
    Arithmetic.copy(values.span.extracting(goes[rank]), to: &all, at: came[rank].lowerBound)
    return relay(
      all, legs.sorted { $0.segment < $1.segment }, .delivery, result: 0..<end)
  }

  /// This rank's leg of values that are its owner's from the beginning.
  private func spread(
    _ segment: Int, _ range: Range<Int>, along route: any Route, as other: Int? = nil
  ) -> Leg {
    Leg(
      segment: segment, range: range, upstream: route.upstream(of: rank, other ?? segment),
      downstream: route.downstream(of: rank, other ?? segment))
  }

  private func relay<Element: CollectiveElement>(
    _ values: Gathered<Element>, _ legs: [Leg], _ phase: Chunk.Phase, result: Range<Int>
  ) -> Relay<Element> {
    // Cut by the longest of all segments, which every rank knows, whether it has a part in it or not.
    let longest = counts.flatMap(\.self).max() ?? 0
    return Relay(
      values, legs: legs, terms: terms,
      pieceElements: terms.pieceElements(of: longest, as: Element.self), spreadPhase: phase,
      result: result)
  }
}

/// A barrier by dissemination: after `⌈log₂ W⌉` stages, each with a word to a rank twice as far, all
/// have heard of all.
///
/// - Note: Hensgen, Finkel and Manber 1988.
private enum Barrier {
  static func machine<Element: CollectiveElement>(_ terms: Reduction) -> Staged<Element> {
    let (rank, world) = (terms.rank, terms.world)
    var stages: [Stage] = []
    var distance = 1
    while distance < world {
      stages.append(
        Stage(
          number: stages.count, phase: .barrier, to: [(rank + distance) % world],
          from: (rank + world - distance) % world))
      distance *= 2
    }
    return Staged(
      Gathered([]), stages: stages, completion: (-1, 0..<0), terms: terms, pieceElements: 1)
  }
}
