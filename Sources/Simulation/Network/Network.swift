// SPDX-License-Identifier: Apache-2.0

package import FerryBasics
package import FerryPeers

/// What reaches a peer, or happens to it.
package enum Happening: Sendable {
  /// Its process starts.
  case born
  /// Its process is gone, and all it had in memory.
  case died(FaultKind)
  case event(LinkEvent)
  /// The test does something inside it.
  case injection(Int)
}

package struct Delivery: Sendable {
  package let peer: Int
  package let happening: Happening
  /// Which life of the peer it is for.
  let life: UInt32
}

/// The simulated machines and what lies between them: time, links, faults. Knows no logic.
///
/// `next` moves time to the next thing that reaches a peer and hands it out; `perform` takes what
/// the peer wants done. Everything is drawn from one seed, by streams with names, so that more of
/// one kind of chance does not shift another.
package struct Network {
  struct Machine {
    var member: Member
    let address: PeerAddress
    var isAlive = false
    /// False after a power loss: nobody answers for the process.
    var isPowered = true
    /// Counts starts and deaths, so that what was meant for an earlier process is dropped.
    var life: UInt32 = 0
    var lives: UInt64 = 0
    /// Faults may overlap: stopped, or slow, while above zero.
    var stops = 0
    var slows = 0
    /// Nanoseconds over each event while slow.
    var handling: Int64 = 0
    var busyUntil: Int64 = 0
    var isDraining = false
    var inbox = Queue<Happening>()
    var alarmEpoch: UInt32 = 0
    var clock = SkewedClock(birth: 0, offset: 0, driftPerMillion: 0)
  }

  package let count: Int
  let links: LinkModel
  let plan: FaultPlan
  let seed: Seed
  package private(set) var now: Int64 = 0
  package internal(set) var counts = FaultCounts()
  /// Payload and overhead that left each peer, by purpose.
  package internal(set) var bytesSent: [[Int]]
  package internal(set) var framesDropped = 0

  var heap = EventHeap()
  var ready = Queue<Delivery>()
  var machines: [Machine]
  var pipes: [Pipe] = []
  var freePipes: [Int] = []
  var dials: [Dial] = []
  var freeDials: [Int] = []
  /// For `a * count + b`: the pipe from a to b that a writes to, or -1.
  var writing: [Int]
  /// For `a * count + b`: a's attempt to reach b, or -1.
  var dialing: [Int]
  /// For `a * count + b`: how many partitions cut the way from a to b.
  var cuts: [Int]
  var latencies: [Int64]
  let indexOfID: [PeerID: Int]
  let indexOfAddress: [PeerAddress: Int]
  let nanosecondsPerByte: Double
  /// How many times slower a peer's links are.
  let slowness: [Double]
  let jitter: Int64
  let silence: Int64

  var frameChance: SplitMix64
  var faultChance: SplitMix64
  let loss: Probability
  let delay: Probability
  let reset: Probability
  let refusal: Probability
  var isPeace = false
  var ongoing: [Ongoing?] = []

  package init(seed: Seed, peers: Int, links: LinkModel, plan: FaultPlan) {
    precondition(
      peers > 0 && peers <= worldPeersMax, "a world has 1 to \(worldPeersMax) peers, got \(peers)")
    count = peers
    self.links = links
    self.plan = plan
    self.seed = seed
    frameChance = SplitMix64(seed.derived("frames"))
    faultChance = SplitMix64(seed.derived("faults"))
    (loss, delay) = (Probability(plan.lossChance), Probability(plan.delayChance))
    (reset, refusal) = (Probability(plan.resetChance), Probability(plan.refusalChance))
    nanosecondsPerByte = 1e9 / Double(links.bytesPerSecond)
    slowness = (0..<peers).map { links.slower[$0] ?? 1 }
    jitter = links.jitter.worldNanoseconds
    silence = links.silenceMax.worldNanoseconds
    let born = (0..<peers).map { Machine(seed: seed, index: $0) }
    machines = born
    indexOfID = Dictionary(uniqueKeysWithValues: born.indices.map { (born[$0].member.id, $0) })
    indexOfAddress = Dictionary(uniqueKeysWithValues: born.indices.map { (born[$0].address, $0) })
    writing = Array(repeating: -1, count: peers * peers)
    dialing = writing
    cuts = Array(repeating: 0, count: peers * peers)
    latencies = Array(repeating: 0, count: peers * peers)
    bytesSent = Array(
      repeating: Array(repeating: 0, count: Purpose.allCases.count), count: peers)
    var random = SplitMix64(seed.derived("latencies"))
    for a in 0..<peers {
      for b in 0..<a {
        let latency = random.between(links.latency)
        latencies[a * peers + b] = latency
        latencies[b * peers + a] = latency
      }
    }
    planFaults()
  }

  /// The clock of a peer, in nanoseconds.
  package func local(_ peer: Int) -> Int64 { machines[peer].clock.local(at: now) }

  package func isAlive(_ peer: Int) -> Bool { machines[peer].isAlive }
  package func isStopped(_ peer: Int) -> Bool { machines[peer].stops > 0 }
  package func member(_ peer: Int) -> Member { machines[peer].member }
  package func address(_ peer: Int) -> PeerAddress { machines[peer].address }

  package mutating func start(_ peer: Int, at time: Int64) {
    heap.push(.birth, at: max(now, time), index: peer)
  }

  package mutating func inject(_ index: Int, at time: Int64) {
    heap.push(.injection, at: max(now, time), index: index)
  }

  package mutating func inspect(at time: Int64) { heap.push(.inspection, at: max(now, time)) }

  /// What `next` found.
  package enum Step: Sendable {
    case delivery(Delivery)
    /// An injection is due; the world knows for whom, and hands it back by `post`.
    case injection(Int)
    case inspection
    /// Nothing more happens until the time given.
    case quiet
  }

  /// Moves time on to the next thing that concerns the world above, at most to `limit`.
  package mutating func next(until limit: Int64) -> Step {
    while true {
      while let delivery = ready.popFirst() {
        if admit(delivery) { return .delivery(delivery) }
      }
      guard let due = heap.earliest, due.time <= limit, let entry = heap.pop() else {
        now = max(now, limit)
        return .quiet
      }
      now = entry.time
      let index = Int(entry.index)
      switch entry.kind {
      case .arrival:
        if pipes[index].arrivalEpoch == entry.epoch { arrive(index) }
      case .alarm:
        if machines[index].alarmEpoch == entry.epoch, machines[index].isAlive {
          post(.event(.woke), to: index)
        }
      case .drain:
        machines[index].isDraining = false
        drain(index)
      case .dial: stepDial(index)
      case .silence:
        if pipes[index].silenceEpoch == entry.epoch { fallSilent(index) }
      case .birth: bear(index)
      case .fault: recur(FaultKind.allCases[index])
      case .faultEnd: end(index)
      case .script: play(plan.script[index])
      case .peace: makePeace()
      case .injection: return .injection(index)
      case .inspection: return .inspection
      }
    }
  }

  /// Hands something to a peer: at once, or into its inbox while it is stopped or busy.
  package mutating func post(_ happening: Happening, to peer: Int) {
    if machines[peer].stops > 0 || !machines[peer].inbox.isEmpty {
      machines[peer].inbox.append(happening)
    } else {
      ready.append(Delivery(peer: peer, happening: happening, life: machines[peer].life))
    }
  }

  /// Whether a peer can take what is for it now; if it is busy, the inbox keeps it.
  private mutating func admit(_ delivery: Delivery) -> Bool {
    let peer = delivery.peer
    if case .died = delivery.happening { return true }
    guard machines[peer].isAlive, machines[peer].life == delivery.life else { return false }
    if machines[peer].stops > 0 {
      machines[peer].inbox.append(delivery.happening)
      return false
    }
    guard machines[peer].slows > 0 else { return true }
    if machines[peer].busyUntil > now {
      machines[peer].inbox.append(delivery.happening)
      drain(peer)
      return false
    }
    machines[peer].busyUntil = now + machines[peer].handling
    return true
  }

  /// Lets a peer that goes on take what waits in its inbox, or plans when it will.
  mutating func drain(_ peer: Int) {
    guard machines[peer].stops == 0, !machines[peer].inbox.isEmpty else { return }
    if machines[peer].slows > 0 {
      if machines[peer].busyUntil > now {
        guard !machines[peer].isDraining else { return }
        machines[peer].isDraining = true
        heap.push(.drain, at: machines[peer].busyUntil, index: peer)
      } else if let happening = machines[peer].inbox.popFirst() {
        machines[peer].isDraining = true
        heap.push(.drain, at: now + machines[peer].handling, index: peer)
        ready.append(Delivery(peer: peer, happening: happening, life: machines[peer].life))
      }
      return
    }
    while let happening = machines[peer].inbox.popFirst() {
      ready.append(Delivery(peer: peer, happening: happening, life: machines[peer].life))
    }
  }

  /// Does what a peer's logic asked for.
  package mutating func perform(_ actions: [LinkAction], by peer: Int) {
    for action in actions {
      switch action {
      case .send(let id, let frame):
        if let other = indexOfID[id] { send(frame, from: peer, to: other) }
      case .dial(let address): dial(address, from: peer, lost: nil)
      case .hangUp(let id, let reason):
        if let other = indexOfID[id] { hangUp(from: peer, to: other, reason: reason) }
      case .wake(let local):
        machines[peer].alarmEpoch &+= 1
        let due = machines[peer].clock.world(whenShowing: local.worldNanoseconds)
        let late = frameChance.below(links.alarmDelayMax.worldNanoseconds)
        heap.push(
          .alarm, at: max(now, due) + late, index: peer, epoch: machines[peer].alarmEpoch)
      }
    }
  }
}

/// The most peers one world can hold.
package let worldPeersMax = 1024

extension Network.Machine {
  init(seed: Seed, index: Int) {
    var random = SplitMix64(seed.derived("identity", UInt64(index)))
    let bytes = (0..<PeerID.byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    guard let id = PeerID(bytes: bytes) else { preconditionFailure("an id has 32 bytes") }
    member = Member(id: id, incarnation: 0)
    address = PeerAddress(host: "peer-\(index)", port: 1)
  }
}
