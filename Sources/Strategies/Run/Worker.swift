// SPDX-License-Identifier: Apache-2.0

public import FerryCollectives
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
  case loaded(round: UInt64)
  case evicted(reason: String)
  case note(String)
  case finished(round: UInt64)
  case stopped(reason: String)
}

/// The computing half of a peer: runs a `Trainer` on the thread that calls `run`.
public final class Worker<S: Strategy, R: Replica> {
  /// How long an idle worker waits before it looks again whether it should stop.
  private static var idleWait: Duration { .milliseconds(200) }

  public private(set) var trainer: Trainer<S, R>
  private let inbox: Inbox<RunNotice>
  private let post: (@escaping @Sendable (inout GroupLogic, Duration) -> [LinkAction]) -> Void
  private let observe: (RunEvent) -> Void
  private let save: (TrainerState) throws -> Void
  /// Called after each applied round, with the replica at the shared parameters.
  private let examine: (inout R, RoundReport) throws -> Void

  public init(
    trainer: Trainer<S, R>, inbox: Inbox<RunNotice>,
    post: @escaping (@escaping @Sendable (inout GroupLogic, Duration) -> [LinkAction]) -> Void,
    observe: @escaping (RunEvent) -> Void,
    save: @escaping (TrainerState) throws -> Void,
    examine: @escaping (inout R, RoundReport) throws -> Void
  ) {
    self.trainer = trainer
    self.inbox = inbox
    self.post = post
    self.observe = observe
    self.save = save
    self.examine = examine
  }
}
