// SPDX-License-Identifier: Apache-2.0

public import FerryCollectives
public import FerryLearning
public import FerryPeers

/// When replicas compute, what they exchange, and what they make of it.
///
/// A strategy decides and moves parameters; it reads no clock, holds no link, and computes no
/// loss. The trainer tells it what happened (`StrategyEvent`) and does what it asks for
/// (`StrategyAction`). Why it is shaped so: `Docs/decisions/0003-strategies.md`.
///
/// Members run the same strategy with the same options. What `sharedState` gives must have the
/// same bits on all of them after the same round; everything else may differ.
public protocol Strategy: Sendable {
  /// How many batches each member may work through in `round`, by rank.
  ///
  /// From arguments and shared state only: all members must come to the same answer, since the
  /// samples of a round are dealt out by it. One number a member, zero allowed.
  func quotas(round: UInt64, view: View) -> [Int]

  /// How many values a contribution to `round` has. The same on all members.
  func width(round: UInt64, layout: ParameterLayout) -> Int

  /// For how many rounds after the one they were dealt for samples may still be reported.
  ///
  /// 0: in that round's own contribution or never. A strategy that computes on while a round is
  /// under way says 1 or more.
  var reportLag: Int { get }

  /// Takes in what happened; may read and write the replica's parameters.
  mutating func handle<R: Replica>(
    _ event: StrategyEvent, on replica: inout R, at moment: Moment
  ) throws -> [StrategyAction]

  /// What all members hold alike after the last applied round, to go on from.
  func sharedState<R: Replica>(of replica: R) throws -> StrategyState

  /// What this member alone holds beyond the shared state, for its checkpoint.
  func ownState<R: Replica>(of replica: R) throws -> StrategyState

  /// Goes back to a checkpoint: shared and own state of the same moment.
  ///
  /// - Throws: when tensors do not fit the replica.
  mutating func restore<R: Replica>(
    shared: StrategyState, own: StrategyState, on replica: inout R) throws
}

extension Strategy {
  public var reportLag: Int { 0 }
}

/// What happened.
public enum StrategyEvent: Sendable {
  /// This machine is among the founders: the replica's parameters are everyone's.
  case founded
  /// The shared state after some round came from the fellows.
  case loaded(StrategyState)
  /// A round begins; `batches` were dealt to this member for it (possibly none).
  case opened(round: UInt64, view: View, batches: Int)
  /// The work asked for last is done.
  case computed(Outcome)
  /// The others wait for this member: hand in what there is.
  case hurried
  /// A round is done. Rounds land in order.
  case landed(Landing)
  /// Members came or went.
  case changed(View)
  /// A fellow sent bytes outside any round. They are the fellow's word: check before use.
  case received([UInt8], from: Member)
  /// The time asked for by `.wake(at:)` has come.
  case woke
}

/// What the replica gave for the work asked for.
public enum Outcome: Sendable {
  case stepped(StepResult)
  case gradient(GradientResult)
  case loss(Double)
}

/// A round as a strategy sees it: the mean, and each contributor's word.
public struct Landing: Sendable {
  public let round: UInt64
  public let view: View
  /// The weighted mean, `[width]`; zeros when `weight` is 0.
  public let values: [Float]
  /// The sum of all weights.
  public let weight: Double
  /// In the same order on all members; notes are the strategy's own part.
  public let contributors: [Contributor]

  public init(
    round: UInt64, view: View, values: [Float], weight: Double, contributors: [Contributor]
  ) {
    self.round = round
    self.view = view
    self.values = values
    self.weight = weight
    self.contributors = contributors
  }
}

/// What a strategy wants done, in order.
public enum StrategyAction: Sendable {
  /// Computes one unit of work, next; replaces work asked for and not yet begun.
  case compute(Work)
  /// Takes back work asked for and not yet begun.
  case rest
  /// Adds to a round that is open. The trainer reports with it the samples used since the last
  /// contribution; `note` is carried to all members and arrives in their `Landing`.
  case contribute(round: UInt64, values: [Float], weight: Double, note: [UInt8] = [])
  /// A landed round is now in the parameters: the shared state is that after `round`.
  case applied(round: UInt64)
  /// Sends bytes to one fellow, outside any round; they may be lost.
  case send(Member, [UInt8])
  /// Asks for `.woke` at a time of the driver's clock; a later call replaces an earlier one.
  case wake(at: Duration)
  /// A sentence for the log.
  case note(String)
}

/// One unit of computing.
public enum Work: Sendable, Equatable {
  /// One step of the inner optimizer on the next batch.
  case step
  /// The gradient at the current parameters.
  case gradient(Samples)
  /// The loss at the current parameters.
  case loss(Samples)

  /// Which batch: a fresh one, or the last one again (two points on one sample: variance
  /// reduction, zeroth order).
  public enum Samples: Sendable, Equatable {
    case next
    case same
  }
}

/// What a strategy may know besides the event.
public struct Moment: Sendable {
  /// This member.
  public let me: Member
  /// The number of the next inner step, counted over the whole run, equal on members that keep
  /// pace; when a round lands, the number of that round's first step, equal on all. It drives
  /// schedules.
  public let step: UInt64
  /// What the schedule says for `step`.
  public let learningRate: Float
  /// How many samples this member used since its last contribution.
  public let samplesUsed: Int
  /// How many dealt batches are left.
  public let batchesLeft: Int
  /// The driver's clock; zero throughout in a run without one.
  public let now: Duration
}
