// SPDX-License-Identifier: Apache-2.0

public import FerryCollectives
public import FerryPeers

/// What the trainer wants done, in order.
public enum TrainerAction: Sendable {
  /// Hand to the group.
  case contribute(Contribution)
  /// Hand to the group: members compare its digest, and newcomers fetch it.
  case publish(SharedState)
  /// Send to one fellow, outside any round; may be lost.
  case send(Member, [UInt8])
  /// Call `woke()` at this time of the driver's clock; replaces an earlier wish.
  case wake(at: Duration)
  /// A unit of computing is done.
  case progress(Progress)
  /// A round is applied.
  case landed(RoundReport)
  /// A moment from which to go on after a restart: write it to disk.
  case save(TrainerState)
  /// A sentence for the log.
  case note(String)
  /// The last round of the run is applied. Nothing follows.
  case finished(round: UInt64)
}

/// One unit of computing, for display. Who has a clock adds the seconds.
public struct Progress: Sendable, Equatable {
  /// The round computed for.
  public let round: UInt64
  /// The step's number in the whole run.
  public let step: UInt64
  /// In nats per token, before the step.
  public let loss: Double
  /// Samples and tokens read by this unit.
  public let samples: Int
  public let tokens: Int
  public let learningRate: Float
}

/// One applied round, for display; the same on all members.
public struct RoundReport: Sendable, Equatable {
  public let round: UInt64
  /// The run's step number after it.
  public let step: UInt64
  /// Who added something, and how many samples each reported.
  public let samples: [(member: Member, count: Int)]
  /// Samples consumed by the whole run so far.
  public let samplesTotal: UInt64

  public static func == (left: RoundReport, right: RoundReport) -> Bool {
    left.round == right.round && left.step == right.step
      && left.samplesTotal == right.samplesTotal
      && left.samples.elementsEqual(right.samples, by: ==)
  }
}

/// Everything one member needs to go on after a restart, taken between two rounds.
public struct TrainerState: Sendable {
  /// What all members hold alike; `shared.round` is the last applied round. Its tensor named
  /// `StrategyState.parametersName` is the model.
  public let shared: SharedState
  /// What this member alone holds: its inner optimizer's memory, for one.
  public let own: StrategyState

  public init(shared: SharedState, own: StrategyState) {
    self.shared = shared
    self.own = own
  }
}
