// SPDX-License-Identifier: Apache-2.0

public import FerryCollectives
public import FerryLearning
public import FerryPeers

/// One member's training: a strategy, its replica, and the book of samples.
///
/// Decides and computes, but reads no clock and holds no link: the owner hands in the group's
/// notices (`handle`), lets it compute one unit at a time (`work`) while `hasWork`, and does the
/// actions in order. Production does so on a worker thread, the simulation inline.
///
/// After an error is thrown the trainer must not be used again: leave the group.
public struct Trainer<S: Strategy, R: Replica> {
  /// What all members of a run have alike.
  public struct Options: Sendable, Equatable {
    /// Samples a batch, above 0.
    public var batchSize: Int
    /// The run ends when this round is applied.
    public var roundLast: UInt64
    public var learningRate: LearningRate
    /// Steps of a round. Given, the rate's decay ends with the last round, wherever that falls: a
    /// round in which nobody works, such as the one that gathers the members, is no step.
    public var stepsPerRound: UInt64?
    /// A checkpoint after every so many rounds, and after the last; 0 for none but the last.
    public var saveEvery: UInt64

    public init(
      batchSize: Int, roundLast: UInt64, learningRate: LearningRate,
      stepsPerRound: UInt64? = nil, saveEvery: UInt64 = 0
    ) {
      precondition(batchSize > 0, "a batch needs samples, got \(batchSize)")
      self.batchSize = batchSize
      self.roundLast = roundLast
      self.learningRate = learningRate
      self.stepsPerRound = stepsPerRound
      self.saveEvery = saveEvery
    }
  }

  public let me: Member
  public let options: Options
  public package(set) var replica: R
  public package(set) var strategy: S
  /// The owner's clock, for strategies that need one; set it before each call, or never.
  public var now: Duration = .zero

  /// The last round that is in the parameters.
  public internal(set) var round: UInt64 = 0
  /// The trainer holds the run's state: it founded the run, resumed it, or fetched it.
  public internal(set) var isReady = false
  /// The last round is applied, or the group let go of this member.
  public internal(set) var isOver = false

  var book = RunBook()
  /// The shared state's note after the last landed round: what belongs to it, even if later
  /// rounds are opened before the strategy applies it.
  var bookBytes: [UInt8] = []
  var roundOpened: UInt64 = 0
  var roundLanded: UInt64 = 0
  /// Dealt to this member for open rounds and not yet used, and used but not yet reported.
  var dealt = Positions()
  var used = Positions()
  var stepsSinceLanding: UInt64 = 0
  var pending: Work?
  var batchLast: Batch?
  var report: RoundReport?

  /// - Parameters:
  ///   - replica: for a founder, at the run's first parameters; for a newcomer, of the same shape.
  public init(me: Member, replica: R, strategy: S, options: Options) {
    self.me = me
    self.replica = replica
    self.strategy = strategy
    self.options = options
  }

  /// There is something to compute.
  public var hasWork: Bool { pending != nil && !isOver }

  // MARK: Beginnings

  /// Begins a run with this replica's parameters.
  ///
  /// - Returns: the state after round 0, to publish.
  public mutating func found() throws -> [TrainerAction] {
    begin(after: 0)
    return try pass(.founded) + [.publish(try sharedState())]
  }

  /// Goes on from a checkpoint as the first peer of a run; fellows then load from this one.
  ///
  /// - Returns: the state to publish.
  /// - Throws: `.stateMismatch` when it does not fit the replica or strategy.
  public mutating func resume(_ state: TrainerState) throws -> [TrainerAction] {
    let shared = try open(state.shared)
    try strategy.restore(shared: shared, own: state.own, on: &replica)
    book.forgetDeals()
    begin(after: state.shared.round)
    return [.publish(try sharedState())] + finishing()
  }

  mutating func begin(after round: UInt64) {
    (self.round, roundOpened, roundLanded) = (round, round, round)
    (dealt, used, stepsSinceLanding) = (Positions(), Positions(), 0)
    (pending, batchLast, report, isReady) = (nil, nil, nil, true)
    bookBytes = book.bytes
  }

  // MARK: What happens

  /// Takes in what the group says.
  ///
  /// - Throws: `.stateMismatch`, `.roundMismatch`, `.lossNotFinite`, and what the replica throws.
  public mutating func handle(_ notice: GroupNotice) throws -> [TrainerAction] {
    guard !isOver else { return [] }
    switch notice {
    case .opened(let round, let view):
      return isReady ? try opened(round, view: view) : []
    case .committed(let outcome):
      return isReady ? try landed(outcome) : []
    case .loaded(let state):
      let shared = try open(state)
      begin(after: state.round)
      return try pass(.loaded(shared)) + finishing()
    case .received(let bytes, let member):
      return isReady ? try pass(.received(bytes, from: member)) : []
    case .changed(let view, _):
      return isReady ? try pass(.changed(view)) : []
    case .evicted:
      (isReady, pending) = (false, nil)
      return []
    case .hurried(let round): return round == roundOpened ? try hurry() : []
    case .charter, .finished: return []
    case .stopped:
      (isOver, pending) = (true, nil)
      return []
    }
  }

  /// The others wait for this member: hands in what is done of the open round.
  public mutating func hurry() throws -> [TrainerAction] {
    isReady && !isOver ? try pass(.hurried) : []
  }

  /// The time asked for by `.wake(at:)` has come.
  public mutating func woke() throws -> [TrainerAction] {
    isReady && !isOver ? try pass(.woke) : []
  }

  /// Runs `body` on the replica, for evaluation. It must leave the replica as it was.
  public mutating func withReplica<Result>(
    _ body: (inout R) throws -> Result
  ) rethrows -> Result { try body(&replica) }

  /// This moment, to go on from after a restart. Exact only between two rounds; `.save` actions
  /// carry such moments.
  public func state() throws -> TrainerState {
    TrainerState(shared: try sharedState(), own: try strategy.ownState(of: replica))
  }

  /// Which samples landed rounds have consumed; equal on all members.
  public var ledger: SampleLedger { book.ledger }

  // MARK: Strategy

  /// The inner learning rate of a step: from what all members know alike.
  func learningRate(step: UInt64) -> Float {
    guard let stepsPerRound = options.stepsPerRound else {
      return options.learningRate.at(step: step)
    }
    let roundsLeft = options.roundLast - min(roundLanded, options.roundLast)
    return options.learningRate.ending(at: book.steps + roundsLeft * stepsPerRound).at(step: step)
  }

  /// Tells the strategy, and does what it asks for.
  ///
  /// - Parameter step: the step number the strategy sees, if not that of the next inner step.
  mutating func pass(_ event: StrategyEvent, step: UInt64? = nil) throws -> [TrainerAction] {
    let step = step ?? book.steps + stepsSinceLanding
    let moment = Moment(
      me: me, step: step, learningRate: learningRate(step: step),
      samplesUsed: used.sampleCount, batchesLeft: dealt.sampleCount / options.batchSize, now: now)
    var actions: [TrainerAction] = []
    for wish in try strategy.handle(event, on: &replica, at: moment) {
      switch wish {
      case .compute(let work): pending = work
      case .rest: pending = nil
      case .contribute(let round, let values, let weight, let note):
        actions.append(
          .contribute(try contribution(round, values: values, weight: weight, note: note)))
      case .applied(let round): actions += try applied(round)
      case .send(let member, let bytes): actions.append(.send(member, bytes))
      case .wake(let time): actions.append(.wake(at: time))
      case .note(let text): actions.append(.note(text))
      }
    }
    return actions
  }
}

extension Trainer: Sendable where R: Sendable {}
