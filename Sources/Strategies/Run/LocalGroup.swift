// SPDX-License-Identifier: Apache-2.0

public import FerryCollectives
import FerryLearning
public import FerryPeers

/// Several members in one process and on one thread, for measuring: production trainers and
/// groups, with frames handed over in memory, in the order in which they were sent.
///
/// Time stands still while anybody has something to do, so that the same trainers give the same
/// bits and bytes on every machine and under any load. Nobody is lost.
public final class LocalGroup<S: Strategy, R: Replica> {
  /// Alarms in a row without a frame or work: more mean that the group is stuck.
  private static var idleAlarmsMax: Int { 100_000 }

  private struct Peer {
    let address: PeerAddress
    var group: GroupLogic
    var trainer: Trainer<S, R>
    var sent: [Purpose: Int] = [:]
    var wake: Duration?
    var stepsOfRound = 0
  }

  private var peers: [Peer] = []
  private var links: Set<[Int]> = []
  private var queue: [(to: Int, event: LinkEvent)] = []
  /// Events of `queue` before this one are delivered.
  private var next = 0
  private var now: Duration = .zero
  /// Told about each unit of computing, in order.
  private let observe: (Member, Progress) -> Void

  /// - Parameters:
  ///   - trainers: of as many members, at least 1; all but the first fetch the first one's state.
  ///   - settings: the same for all; `membersMin` should be their number, so that round 1 gathers
  ///     them and all share out the work of round 2.
  public init(
    _ trainers: [Trainer<S, R>], settings: GroupLogic.Settings,
    observe: @escaping (Member, Progress) -> Void = { _, _ in }
  ) {
    precondition(!trainers.isEmpty, "a group needs members")
    self.observe = observe
    for (index, trainer) in trainers.enumerated() {
      peers.append(
        Peer(
          address: PeerAddress(host: "peer", port: UInt16(index + 1)),
          group: GroupLogic(me: trainer.me, settings: settings), trainer: trainer))
    }
  }

  /// Trains until the last round is applied by all.
  ///
  /// - Throws: what the trainers throw; `.roundMismatch` when the group falls apart.
  public func run() throws {
    for action in try peers[0].trainer.found() {
      if case .publish(let state) = action {
        let server = StateServer(state)
        try tell(0) { $0.found(server, at: $1) }
      } else {
        try perform(action, of: 0)
      }
    }
    let door = peers[0].address
    for index in peers.indices.dropFirst() { try tell(index) { $0.seek(door, at: $1) } }
    var alarms = 0
    while !peers.allSatisfy({ $0.trainer.isOver }) {
      if next < queue.count {
        let (index, event) = queue[next]
        next += 1
        if next == queue.count { (queue, next) = ([], 0) }
        try tell(index) { $0.handle(event, at: $1) }
        alarms = 0
      } else if let index = peers.firstIndex(where: { $0.trainer.hasWork }) {
        try perform(peers[index].trainer.work(), of: index)
        alarms = 0
      } else {
        alarms += 1
        guard alarms <= Self.idleAlarmsMax else { throw stuck("nothing happens any more") }
        try ringEarliest()
      }
    }
  }

  /// Bytes that left all members for a purpose so far: frames with their headers, unsealed.
  public func bytesSent(for purpose: Purpose) -> Int {
    peers.reduce(0) { $0 + $1.sent[purpose, default: 0] }
  }

  /// The first member's replica, at the shared parameters once the run is over.
  public var replica: R { peers[0].trainer.replica }

  /// The round that each member has applied, and the digest of its shared state.
  public func states() throws -> [(round: UInt64, digest: [UInt8])] {
    try peers.map { ($0.trainer.round, StateServer(try $0.trainer.state().shared).digest) }
  }

  // MARK: Private parts

  private func ringEarliest() throws {
    let waiting = peers.indices.filter { peers[$0].wake != nil }
    guard let index = waiting.min(by: { peers[$0].wake! < peers[$1].wake! }) else {
      throw stuck("nobody waits for anything")
    }
    now = max(now, peers[index].wake!)
    peers[index].wake = nil
    try tell(index) { $0.handle(.woke, at: $1) }
  }

  /// Does something with one member's group, then what came of it.
  private func tell(_ index: Int, _ body: (inout GroupLogic, Duration) -> [LinkAction]) throws {
    let actions = body(&peers[index].group, now)
    let notices = peers[index].group.takeNotices()
    for action in actions { try perform(action, of: index) }
    for notice in notices {
      switch notice {
      case .evicted(let reason), .stopped(let reason): throw stuck(reason)
      case .opened: peers[index].stepsOfRound = 0
      case .committed, .loaded, .received, .charter, .changed, .hurried, .finished: break
      }
      try perform(peers[index].trainer.handle(notice), of: index)
    }
  }

  private func perform(_ action: LinkAction, of index: Int) throws {
    switch action {
    case .send(let id, let frame):
      guard let to = peers.firstIndex(where: { $0.group.me.id == id }),
        links.contains([min(index, to), max(index, to)])
      else { return }
      peers[index].sent[frame.purpose, default: 0] += FrameHeader.byteCount + frame.payload.count
      queue.append((to, .received(peers[index].group.me, frame)))
    case .dial(let address):
      guard let to = peers.firstIndex(where: { $0.address == address }), to != index,
        links.insert([min(index, to), max(index, to)]).inserted
      else { return }
      for (one, other) in [(index, to), (to, index)] {
        queue.append((one, .linked(peers[other].group.me, address: peers[other].address)))
      }
    case .hangUp(let id, let reason): throw stuck("\(id.short) was hung up on: \(reason)")
    case .wake(let time): peers[index].wake = time
    }
  }

  private func perform(_ actions: [TrainerAction], of index: Int) throws {
    for action in actions { try perform(action, of: index) }
  }

  private func perform(_ action: TrainerAction, of index: Int) throws {
    switch action {
    case .contribute(let contribution):
      try tell(index) { $0.contribute(contribution, at: $1) }
    case .publish(let state):
      let server = StateServer(state)
      try tell(index) { $0.publish(server, at: $1) }
    case .send(let member, let bytes):
      for action in peers[index].group.send(bytes, to: member) { try perform(action, of: index) }
    case .progress(let progress):
      peers[index].stepsOfRound += 1
      let permille = UInt16(min(999, peers[index].stepsOfRound))
      try tell(index) { $0.progress(permille, of: progress.round, at: $1) }
      observe(peers[index].group.me, progress)
    case .wake, .landed, .save, .note, .finished: break
    }
  }

  private func stuck(_ what: String) -> StrategyError {
    StrategyError(
      .roundMismatch, what, place: "local group of \(peers.count)",
      remedy: "This is a fault of ferry.")
  }
}
