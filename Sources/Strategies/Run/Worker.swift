// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryCollectives
public import FerryLearning
public import FerryPeers

/// What a worker tells whoever watches the run. Times are the watcher's business.
public enum RunEvent: Sendable {
  case linked(Member, PeerAddress?)
  case unlinked(Member, LossCause)
  case view(View, reason: String)
  case opened(round: UInt64)
  case progress(Progress)
  /// A round is applied; `digest` is SHA-256 of the shared state after it.
  case landed(RoundReport, digest: [UInt8])
  /// The group's state came from the fellows.
  case loaded(round: UInt64, stateBytes: Int)
  case evicted(reason: String)
  case note(String)
  case finished(round: UInt64)
  case stopped(reason: String)
}

/// The computing half of a peer: runs a `Trainer` on the thread that calls `run`.
public final class Worker<S: Strategy, R: Replica> {
  /// How long an idle worker waits before it looks again whether it should stop.
  private static var idleWait: Duration { .milliseconds(200) }

  /// Hands work to the link loop's thread.
  public typealias Post = (@escaping @Sendable (inout GroupLogic, Duration) -> [LinkAction]) -> Void

  public private(set) var trainer: Trainer<S, R>
  private let inbox: Inbox<RunNotice>
  private let post: Post
  private let observe: (RunEvent) -> Void
  /// Called with moments worth keeping; an error stops the run.
  private let save: (TrainerState, SampleLedger) throws -> Void
  /// Called after each applied round, with the replica at the shared parameters.
  private let examine: (inout R, RoundReport) throws -> Void
  private var digest: [UInt8] = []
  private var stepsOfRound = 0
  private var unfinished: RoundReport?

  public init(
    trainer: Trainer<S, R>, inbox: Inbox<RunNotice>, post: @escaping Post,
    observe: @escaping (RunEvent) -> Void,
    save: @escaping (TrainerState, SampleLedger) throws -> Void,
    examine: @escaping (inout R, RoundReport) throws -> Void
  ) {
    self.trainer = trainer
    self.inbox = inbox
    self.post = post
    self.observe = observe
    self.save = save
    self.examine = examine
  }

  /// Founds the group with this replica's parameters, or with a checkpoint's state.
  public func found(resuming state: TrainerState?) throws {
    let actions = try state.map { try trainer.resume($0) } ?? trainer.found()
    for action in actions {
      if case .publish(let shared) = action {
        let server = StateServer(shared)
        digest = server.digest
        post { group, now in group.found(server, at: now) }
      } else {
        try perform(action)
      }
    }
  }

  /// Computes and exchanges until the last round is applied, the group lets go, or `shouldStop`.
  ///
  /// - Returns: whether the last round was reached.
  public func run(shouldStop: () -> Bool) throws -> Bool {
    var isLeaving = false
    while !trainer.isOver {
      for notice in inbox.take(waiting: trainer.hasWork ? .zero : Self.idleWait) {
        try take(notice)
      }
      if shouldStop(), !isLeaving {
        isLeaving = true
        post { group, now in group.leave(at: now) }
      }
      if !isLeaving, trainer.hasWork { try perform(trainer.work()) }
    }
    return !isLeaving
  }

  private func take(_ notice: RunNotice) throws {
    switch notice {
    case .linked(let member, let address): observe(.linked(member, address))
    case .unlinked(let member, let cause): observe(.unlinked(member, cause))
    case .group(let notice):
      switch notice {
      case .changed(let view, let reason): observe(.view(view, reason: reason))
      case .opened(let round, _):
        stepsOfRound = 0
        // The group opens a round after the last; nobody works in it.
        if round <= trainer.options.roundLast { observe(.opened(round: round)) }
      case .loaded(let state):
        let bytes = state.tensors.reduce(state.note.count) { $0 + 4 * $1.values.count }
        observe(.loaded(round: state.round, stateBytes: bytes))
      case .evicted(let reason): observe(.evicted(reason: reason))
      case .stopped(let reason): observe(.stopped(reason: reason))
      case .committed, .received, .charter, .hurried, .finished: break
      }
      try perform(trainer.handle(notice))
    }
  }

  private func perform(_ actions: [TrainerAction]) throws {
    for action in actions { try perform(action) }
  }

  private func perform(_ action: TrainerAction) throws {
    switch action {
    case .contribute(let contribution):
      post { group, now in group.contribute(contribution, at: now) }
    case .publish(let state):
      let server = StateServer(state)
      digest = server.digest
      post { group, now in group.publish(server, at: now) }
    case .send(let member, let bytes):
      post { group, _ in group.send(bytes, to: member) }
    case .wake: break
    case .progress(let progress):
      stepsOfRound += 1
      let round = progress.round
      let permille = UInt16(min(999, stepsOfRound))
      post { group, now in group.progress(permille, of: round, at: now) }
      observe(.progress(progress))
    case .landed(let report):
      observe(.landed(report, digest: digest))
      try trainer.withReplica { try examine(&$0, report) }
    case .save(let state): try save(state, trainer.ledger)
    case .note(let text): observe(.note(text))
    case .finished(let round): observe(.finished(round: round))
    }
  }
}
