// SPDX-License-Identifier: Apache-2.0

import FerryBasics
import FerryCollectives
import FerryLearning
import FerryPeers
import FerryStrategies

/// A whole peer in a world: the production group logic, and the production trainer beside it.
///
/// The trainer plays the worker's thread: it takes notices only between two units of work, some
/// time after they came, and every unit takes time. So notices and posts cross as they do between
/// real threads.
struct SimulatedPeer<S: Strategy>: PeerLogic {
  enum Beginning: Sendable {
    case founding
    case resuming(TrainerState)
    case joining
  }

  /// What this life of the peer held after one round.
  struct Moment: Sendable, Equatable {
    let round: UInt64
    let digest: [UInt8]
    let ledger: SampleLedger
    let tensors: [[Float]]
  }

  private(set) var group: GroupLogic
  private(set) var trainer: Trainer<S, QuadraticReplica>
  private(set) var moments: [Moment] = []
  private(set) var reasons: [String] = []
  private(set) var evictions = 0
  private(set) var loads = 0
  /// The trainer threw, which it never may here.
  private(set) var failure: String?
  /// The planted fault that the checkers must see: after this round one parameter is another.
  var corruptsAt: UInt64?
  private let notebook: Notebook
  private let beginning: Beginning
  private let addresses: [PeerAddress]
  private let unitMax: Duration
  private var chance: SplitMix64
  private var hasBegun = false
  private var inbox: [GroupNotice] = []
  private var takesAt: Duration?
  private var unitEnds: Duration?
  private var unitsOfRound = 0
  private var digest: [UInt8] = []
  private var groupWake: Duration?

  /// - Parameters:
  ///   - unitMax: one unit of work takes from nothing to this long.
  ///   - notebook: the peer's checkpoints, which outlive the process.
  init(
    me: Member, settings: GroupLogic.Settings, trainer: Trainer<S, QuadraticReplica>,
    beginning: Beginning, seek addresses: [PeerAddress], unitMax: Duration, notebook: Notebook,
    seed: Seed
  ) {
    group = GroupLogic(me: me, settings: settings)
    self.trainer = trainer
    self.beginning = beginning
    self.addresses = addresses
    self.unitMax = unitMax
    self.notebook = notebook
    chance = SplitMix64(seed.derived("worker"))
  }

  mutating func handle(_ event: LinkEvent, at now: Duration) -> [LinkAction] {
    var actions: [LinkAction] = []
    if !hasBegun {
      hasBegun = true
      actions += work(at: now) { [beginning] trainer in
        switch beginning {
        case .founding: try trainer.found()
        case .resuming(let state): try trainer.resume(state)
        case .joining: []
        }
      }
      for address in addresses { actions += group.seek(address, at: now) }
    }
    actions += group.handle(event, at: now)
    actions += labor(at: now)
    var out: [LinkAction] = []
    for action in actions {
      if case .wake(let at) = action { groupWake = at } else { out.append(action) }
    }
    if let wake = [groupWake, unitEnds, takesAt].compactMap(\.self).min() {
      out.append(.wake(at: max(wake, now + .microseconds(100))))
    }
    return out
  }

  /// What the worker's thread does until now.
  private mutating func labor(at now: Duration) -> [LinkAction] {
    var actions: [LinkAction] = []
    while failure == nil {
      inbox += group.takeNotices()
      if let end = unitEnds {
        guard now >= end else { break }
        unitEnds = nil
        actions += work(at: now) { try $0.work() }
      } else if !inbox.isEmpty {
        let due = takesAt ?? now + random(.milliseconds(3))
        takesAt = due
        guard now >= due else { break }
        takesAt = nil
        let notices = inbox
        inbox = []
        for notice in notices { actions += take(notice, at: now) }
      } else if trainer.hasWork {
        unitEnds = now + random(unitMax)
      } else {
        break
      }
    }
    return actions
  }

  private mutating func take(_ notice: GroupNotice, at now: Duration) -> [LinkAction] {
    switch notice {
    case .opened: unitsOfRound = 0
    case .changed(_, let reason): reasons.append(reason)
    case .evicted(let reason):
      evictions += 1
      reasons.append("evicted: \(reason)")
    case .loaded, .committed, .received, .stopped, .charter, .hurried, .finished: break
    }
    let actions = work(at: now) { try $0.handle(notice) }
    if case .committed(let outcome) = notice, outcome.round == corruptsAt {
      trainer.withReplica { $0.setParameters([3], at: 1) }
    }
    if case .loaded(let state) = notice {
      loads += 1
      digest = StateServer(state).digest
      note(state)
    }
    return actions
  }

  /// Lets the trainer do something, and does what it asks for.
  private mutating func work(
    at now: Duration,
    _ body: (inout Trainer<S, QuadraticReplica>) throws -> [TrainerAction]
  ) -> [LinkAction] {
    do {
      var actions: [LinkAction] = []
      for action in try body(&trainer) { actions += perform(action, at: now) }
      return actions
    } catch {
      failure = "\(error)"
      return []
    }
  }

  private mutating func perform(_ action: TrainerAction, at now: Duration) -> [LinkAction] {
    switch action {
    case .contribute(let contribution): return group.contribute(contribution, at: now)
    case .publish(let state):
      let server = StateServer(state)
      digest = server.digest
      note(state)
      if group.view == nil, !isJoining, moments.count == 1 { return group.found(server, at: now) }
      return group.publish(server, at: now)
    case .send(let member, let bytes): return group.send(bytes, to: member)
    case .progress(let progress):
      unitsOfRound += 1
      return group.progress(UInt16(min(999, unitsOfRound)), of: progress.round, at: now)
    case .save(let state):
      notebook.save(state, digest: digest)
      return []
    case .landed, .wake, .note, .finished: return []
    }
  }

  private var isJoining: Bool {
    if case .joining = beginning { true } else { false }
  }

  private mutating func note(_ state: SharedState) {
    moments.append(
      Moment(
        round: state.round, digest: digest, ledger: trainer.ledger,
        tensors: state.tensors.map(\.values)))
  }

  private mutating func random(_ most: Duration) -> Duration {
    most * Double.random(in: 0...1, using: &chance)
  }
}
