// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryPeers

/// Who a process is when it starts.
public struct Birth: Sendable {
  /// The peer's number in this world; it never changes.
  public let index: Int
  public let member: Member
  /// Where it listens: `peer-3:1`. The same in every life.
  public let address: PeerAddress
  /// Where the others of this world listen, by index, its own included.
  public let addresses: [PeerAddress]
  /// Outlives the process.
  public let disk: SimulatedDisk
  /// For whatever chance the logic needs; its own in every life.
  public let seed: Seed
  /// What its own clock shows now.
  public let now: Duration
}

/// A world that replays: many `PeerLogic`s on one thread, with one seed that decides every delay,
/// every order and every fault.
///
/// It plays the part of `LinkLoop`: it opens links when a logic dials, carries frames in order,
/// reports silence and deaths as `LinkLoop` would, and rings alarms. A process starts with `.woke`.
/// Nothing here is concurrent; a world belongs to one thread.
public final class World<Logic: PeerLogic> {
  public let seed: Seed
  public let peerCount: Int
  public let plan: FaultPlan
  /// How often checkers look at the whole world.
  public var inspectionPause: Duration = .milliseconds(100)
  /// How a frame reads in the trace of a failure; it is only called then.
  public var describe: (Frame) -> String = { "\($0.purpose), \($0.payload.count) bytes" }

  private var network: Network
  private let nodes: [Node<Logic>]
  private let make: (Birth) -> Logic
  private var disks: [SimulatedDisk]
  private var checkers: [any Checker<Logic>] = []
  private var injections: [Injection<Logic>?] = []
  private var trace: Trace
  /// Events at one instant: guards against peers that keep each other busy for ever.
  private var eventsNow = 0
  private var instant: Int64 = -1
  private var isInspecting = false
  private var disksRest = false
  private var failure: WorldFailure?

  /// - Parameters:
  ///   - peers: how many, from 1 to 1024.
  ///   - plan: what goes wrong; nothing by default.
  ///   - links: latency, bandwidth and deadlines.
  ///   - startsAt: for peers that do not start at the beginning, when; nil: only by script.
  ///   - traceKept: how many events a failure prints.
  ///   - make: gives a fresh logic for each life of each peer.
  public init(
    seed: Seed, peers: Int, plan: FaultPlan = .none, links: LinkModel = .lan,
    startsAt: [Int: Duration?] = [:], traceKept: Int = 40, make: @escaping (Birth) -> Logic
  ) {
    self.seed = seed
    self.plan = plan
    self.make = make
    peerCount = peers
    network = Network(seed: seed, peers: peers, links: links, plan: plan)
    nodes = (0..<peers).map { _ in Node() }
    disks = (0..<peers).map {
      SimulatedDisk(seed: seed.derived("disk", UInt64($0)), errorChance: plan.diskChance)
    }
    trace = Trace(kept: traceKept)
    var random = SplitMix64(seed.derived("starts"))
    for peer in 0..<peers {
      // Processes never start in the same instant.
      let early = random.below(10_000_000)
      switch startsAt[peer] {
      case .none: network.start(peer, at: early)
      case .some(.some(let time)): network.start(peer, at: time.worldNanoseconds)
      case .some(.none): break
      }
    }
  }

  // MARK: What it is like

  /// World time, which no peer knows.
  public var now: Duration { .nanoseconds(network.now) }

  /// Faults that really happened, those of disks included.
  public var faults: FaultCounts {
    disks.reduce(into: network.counts) { $0[.disk] += $1.errorCount }
  }

  /// A hash of every event so far: equal for two runs of one seed.
  public var traceHash: UInt64 { trace.hash }

  /// How many events peers have handled.
  public var eventCount: Int { trace.count }

  /// Frames that left a logic and never arrive: sent without a link, or lost with one.
  public var framesDropped: Int { network.framesDropped }

  public func isAlive(_ peer: Int) -> Bool { network.isAlive(peer) }
  public func isStopped(_ peer: Int) -> Bool { network.isStopped(peer) }
  /// The member a peer is in its latest life.
  public func member(_ peer: Int) -> Member { network.member(peer) }
  public func address(_ peer: Int) -> PeerAddress { network.address(peer) }
  public func disk(_ peer: Int) -> SimulatedDisk { disks[peer] }
  /// What the clock of a peer shows.
  public func localTime(_ peer: Int) -> Duration { .nanoseconds(network.local(peer)) }

  /// Bytes that left a peer for a purpose: payloads and the overhead of frames.
  public func bytesSent(by peer: Int, for purpose: Purpose) -> Int {
    network.bytesSent[peer][Int(purpose.rawValue)]
  }

  /// A copy of a peer's logic; nil while its process is gone.
  public func logic(_ peer: Int) -> Logic? { nodes[peer].logic }

  /// Looks at a peer's logic in place; nil while its process is gone.
  public func withLogic<Result>(_ peer: Int, _ body: (borrowing Logic) -> Result) -> Result? {
    guard nodes[peer].logic != nil else { return nil }
    return body(nodes[peer].logic!)
  }

  // MARK: What it does

  public func add(_ checker: any Checker<Logic>) { checkers.append(checker) }

  /// The checkers, to read what they have learnt.
  public var checkersNow: [any Checker<Logic>] { checkers }

  /// Does something inside a peer at a world time, as a worker beside the I/O thread would.
  ///
  /// - Parameters:
  ///   - at: a time that has passed means now.
  ///   - body: takes the logic and the peer's own time, and returns what is to be done. It is not
  ///     called if the process is gone by then; it waits while the process is stopped.
  ///   - inThisLife: whether it dies with the process that is alive now, as a worker's result does.
  public func inject(
    at: Duration, peer: Int, inThisLife: Bool = false,
    _ body: @escaping (inout Logic, Duration) -> [LinkAction]
  ) {
    let incarnation = inThisLife ? member(peer).incarnation : nil
    injections.append(Injection(peer: peer, incarnation: incarnation, body: body))
    network.inject(injections.count - 1, at: at.worldNanoseconds)
  }

  /// Runs until world time `until`.
  ///
  /// - Throws: `WorldFailure` when a checker complains; a world that failed stays failed.
  public func run(until: Duration) throws(WorldFailure) {
    try run(until: until, while: { _ in true })
  }

  /// Runs until world time `until`, or until `goesOn`, asked after each event, says no.
  public func run(
    until: Duration, while goesOn: (World<Logic>) -> Bool
  ) throws(WorldFailure) {
    if let failure { throw failure }
    let limit = until.worldNanoseconds
    if !isInspecting, !checkers.isEmpty {
      isInspecting = true
      network.inspect(at: network.now)
    }
    running: while true {
      switch network.next(until: limit) {
      case .quiet: break running
      case .inspection:
        try inspect()
        network.inspect(at: network.now + inspectionPause.worldNanoseconds)
      case .injection(let index):
        if let injection = injections[index],
          injection.incarnation.map({ $0 == member(injection.peer).incarnation }) ?? true
        {
          network.post(.injection(index), to: injection.peer)
        }
      case .delivery(let delivery):
        try take(delivery)
        if !goesOn(self) { break running }
      }
    }
    try inspect()
  }

  private func take(_ delivery: Delivery) throws(WorldFailure) {
    if network.isPeace != disksRest {
      disksRest = network.isPeace
      for disk in disks { disk.setErrorChance(disksRest ? 0 : plan.diskChance) }
    }
    let peer = delivery.peer
    let local = Duration.nanoseconds(network.local(peer))
    switch delivery.happening {
    case .event(let event):
      trace.add(.event(event), peer: peer, at: network.now)
      network.perform(nodes[peer].logic!.handle(event, at: local), by: peer)
    case .injection(let index):
      guard let body = injections[index].take()?.body else { return }
      trace.add(.note("injection"), peer: peer, at: network.now)
      network.perform(body(&nodes[peer].logic!, local), by: peer)
    case .born:
      trace.add(.note("starts"), peer: peer, at: network.now)
      disks[peer].powerUp()
      nodes[peer].logic = make(birth(peer, at: local))
      network.post(.event(.woke), to: peer)
    case .died(let kind):
      trace.add(.note("dies: \(kind)"), peer: peer, at: network.now)
      nodes[peer].logic = nil
      if kind == .powerLoss { disks[peer].losePower() }
      for i in checkers.indices { checkers[i].died(peer: peer, at: now) }
      return
    }
    if network.now != instant { (instant, eventsNow) = (network.now, 0) }
    eventsNow += 1
    if eventsNow > eventsAtOneInstantMax {
      throw fail(.livelock, "\(eventsNow) events without time moving on", checker: "world")
    }
    guard !checkers.isEmpty else { return }
    for i in checkers.indices {
      if let complaint = checkers[i].observe(nodes[peer].logic!, peer: peer, at: now) {
        throw fail(.invariantBroken, complaint, checker: checkers[i].name)
      }
    }
  }

  private func inspect() throws(WorldFailure) {
    for i in checkers.indices {
      if let complaint = checkers[i].inspect(self) {
        throw fail(.invariantBroken, complaint, checker: checkers[i].name)
      }
    }
  }

  private func birth(_ peer: Int, at local: Duration) -> Birth {
    Birth(
      index: peer, member: member(peer), address: address(peer),
      addresses: (0..<peerCount).map(address), disk: disks[peer],
      seed: seed.derived("logic", UInt64(peer), member(peer).incarnation), now: local)
  }

  private func fail(
    _ code: WorldFailure.Code, _ what: String, checker: String
  ) -> WorldFailure {
    let indices = network.indexOfID
    let lines = trace.lines(
      name: { id in indices[id].map { "peer-\($0)" } ?? "?" }, describe: describe)
    let found = WorldFailure(
      code: code, what: what, seed: seed, at: now, checker: checker, faults: faults,
      trace: lines)
    failure = found
    return found
  }
}

/// More events at one instant than this is a livelock.
package let eventsAtOneInstantMax = 100_000

/// A class, so that a logic is changed in place whatever its size.
final class Node<Logic> {
  var logic: Logic?
}

/// Something a test does inside a peer.
struct Injection<Logic> {
  let peer: Int
  /// The life it belongs to; nil: any.
  let incarnation: UInt64?
  let body: (inout Logic, Duration) -> [LinkAction]
}
