// SPDX-License-Identifier: Apache-2.0

import FerryCollectives

extension Trainer {
  mutating func contribution(
    _ round: UInt64, values: [Float], weight: Double, note: [UInt8]
  ) throws -> Contribution {
    let width = strategy.width(round: round, layout: replica.layout)
    precondition(values.count == width, "\(values.count) values for a round of \(width)")
    guard values.isFinite, weight.isFinite else {
      throw notFinite("the contribution is not finite", round: round)
    }
    let message = RoundNote(positions: used, strategy: note)
    used = Positions()
    return Contribution(round: round, values: values, weight: weight, note: message.bytes)
  }

  private func notFinite(_ what: String, round: UInt64) -> StrategyError {
    let step = book.steps + stepsSinceLanding
    let rate = learningRate(step: step)
    return StrategyError(
      .lossNotFinite, what,
      place: "round \(round), step \(step), learning rate \(rate)",
      remedy: "Try a learning rate of \(rate / 2) or a longer warm-up; "
        + "the shared state of round \(self.round) is unharmed.")
  }

  /// Computes one unit: one inner step, gradient or loss.
  ///
  /// - Throws: `.lossNotFinite` naming step and learning rate, and what the replica throws.
  public mutating func work() throws -> [TrainerAction] {
    guard hasWork, let work = pending else { return [] }
    pending = nil
    let step = book.steps + stepsSinceLanding
    let rate = learningRate(step: step)
    let batch = try batch(for: work)
    let outcome: Outcome
    let result: StepResult
    switch work {
    case .step:
      result = try replica.step(batch, learningRate: rate)
      outcome = .stepped(result)
    case .gradient:
      let gradient = try replica.gradient(batch)
      result = gradient.result
      outcome = .gradient(gradient)
    case .loss:
      result = StepResult(loss: try replica.loss(batch), tokens: 0)
      outcome = .loss(result.loss)
    }
    guard result.loss.isFinite else {
      throw notFinite("the loss became \(result.loss)", round: roundOpened)
    }
    var actions: [TrainerAction] = []
    if work.readsNext {
      stepsSinceLanding += 1
      actions.append(
        .progress(
          Progress(
            round: roundOpened, step: step, loss: result.loss, samples: batch.count,
            tokens: result.tokens, learningRate: rate)))
    }
    return actions + (try pass(.computed(outcome)))
  }

  private mutating func batch(for work: Work) throws -> Batch {
    guard work.readsNext else {
      guard let batchLast else { preconditionFailure("no batch was read before \(work)") }
      return batchLast
    }
    precondition(
      dealt.sampleCount >= options.batchSize,
      "\(work) was asked for with \(dealt.sampleCount) samples left of \(options.batchSize)")
    let positions = dealt.lowest(options.batchSize)
    dealt.subtract(positions)
    used.formUnion(positions)
    let batch = Batch(Array(positions.ranges))
    batchLast = batch
    return batch
  }
}

extension Work {
  /// It consumes a fresh batch, and so counts as a step of the run.
  var readsNext: Bool {
    switch self {
    case .step, .gradient(.next), .loss(.next): true
    case .gradient(.same), .loss(.same): false
    }
  }
}
