// SPDX-License-Identifier: Apache-2.0

public import FerryBasics
public import FerryCollectives
public import FerryLearning
public import FerryPlanning

/// A replica that computes gradients at weights gathered from all ranks, and a rank's shards of them.
///
/// The replica's own optimizer is not used. Matrices travel as the scheme says; what has one
/// dimension, norms and biases, always in f32 where the scheme has blocks.
public struct ShardedReplica<R: Replica> {
  /// Computes; between steps it holds whatever weights it was given last.
  public private(set) var replica: R
  public private(set) var member: ShardMember<FlatAdamW>

  /// - Parameters:
  ///   - replica: built alike on all ranks.
  ///   - gradientNormMax: of the mean gradient over all ranks.
  /// - Throws: as `ShardMember.init`; what the replica throws.
  public init(
    _ replica: R, _ scheme: ShardScheme, over nest: Nest, rank: Int, seed: Seed,
    options: AdamW.Options = .init(), gradientNormMax: Float? = 1, copies: ShardCopies = .none
  ) throws {
    let layout = replica.layout
    self.replica = replica
    member = try ShardMember(
      scheme, layout: try ShardLayout(layout, over: nest, for: scheme), rank: rank,
      parameters: try replica.parameters(), seed: seed, gradientNormMax: gradientNormMax,
      copies: copies
    ) { FlatAdamW(options, for: $0, of: layout) }
  }

  /// Goes on from checkpoints, as `ShardMember.init(resuming:)`.
  public init(
    resuming parts: [ShardCheckpoint], _ replica: R, _ scheme: ShardScheme, over nest: Nest,
    rank: Int, seed: Seed, options: AdamW.Options = .init(), gradientNormMax: Float? = 1,
    copies: ShardCopies = .none, fabric: some ShardFabric
  ) throws {
    let layout = replica.layout
    self.replica = replica
    member = try ShardMember(
      resuming: parts, scheme, layout: try ShardLayout(layout, over: nest, for: scheme),
      rank: rank, seed: seed, gradientNormMax: gradientNormMax, copies: copies, over: fabric
    ) { FlatAdamW(options, for: $0, of: layout) }
  }

  /// One step of all ranks: each brings its own batches, equally many.
  ///
  /// - Parameter guarded: runs what computes; a caller with several ranks in one process lets one
  ///   compute at a time.
  /// - Returns: the mean loss before the step over this rank's batches, and its tokens.
  public mutating func step(
    _ batches: [Batch], learningRate: Float, over fabric: some ShardFabric,
    guarded: (() throws -> GradientResult) throws -> GradientResult = { try $0() }
  ) throws -> StepResult {
    var (loss, tokens) = (0.0, 0)
    for batch in batches {
      let weights = try member.weights(over: fabric)
      let found = try guarded {
        try replica.setParameters(weights)
        return try replica.gradient(batch)
      }
      guard found.result.loss.isFinite else {
        throw StrategyError(
          .lossNotFinite, "the loss is \(found.result.loss)",
          place: "step \(member.steps + 1), rank \(member.rank)",
          remedy: "Lower the learning rate, and go back to the last checkpoint.")
      }
      loss += found.result.loss / Double(batches.count)
      tokens += found.result.tokens
      try member.add(found.gradient, over: fabric)
    }
    try member.step(learningRate: learningRate, over: fabric)
    return StepResult(loss: loss, tokens: tokens)
  }

  /// Gathers the weights into the replica: to evaluate, or to write a file of the whole model.
  public mutating func gather(over fabric: some ShardFabric) throws {
    try replica.setParameters(member.weights(over: fabric))
  }
}

extension ShardLayout {
  /// The layout of a model's parameters, those of one dimension exact.
  public init(
    _ layout: ParameterLayout, over nest: Nest, for scheme: ShardScheme
  ) throws(PlanningError) {
    // Models shorter than a block for each rank would be mostly padding.
    let block = min(scheme.block, max(1, layout.count / nest.world))
    try self.init(
      count: layout.count, nest: nest, block: block,
      exact: layout.entries.filter { $0.shape.count < 2 }.map(\.range))
  }
}
