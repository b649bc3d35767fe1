// SPDX-License-Identifier: Apache-2.0

public import FerryLearning

/// One copy of the model on this machine: parameters, an inner optimizer, and the data it reads.
///
/// A strategy sees the parameters as one flat run of floats and never the model behind them.
/// A replica decides nothing about peers. Structs and classes may both conform; all calls come
/// from one thread. An engine that fails throws. Two replicas built alike and called alike give the same bits.
public protocol Replica {
  /// Where each parameter lies in the flat run. Constant over the replica's life.
  var layout: ParameterLayout { get }

  /// The parameters at `range` of the flat run. Complexity: O(range.count), one copy.
  func parameters(in range: Range<Int>) throws -> [Float]

  /// Replaces the parameters from `offset` on by `values`. Touches no optimizer state.
  mutating func setParameters(_ values: [Float], at offset: Int) throws

  /// One step of the inner optimizer on `batch`. Gradient clipping, if any, happens here.
  ///
  /// - Parameter learningRate: decided by the trainer's schedule for this step.
  /// - Returns: the mean loss before the step, and how many tokens were read. A loss that is not
  ///   finite is returned as it is: the trainer turns it into an error.
  mutating func step(_ batch: Batch, learningRate: Float) throws -> StepResult

  /// The gradient of the mean loss on `batch` at the current parameters, `[layout.count]`.
  /// Changes neither parameters nor optimizer state.
  mutating func gradient(_ batch: Batch) throws -> GradientResult

  /// One step of the inner optimizer with a gradient from elsewhere, `[layout.count]`.
  ///
  /// `step` equals `gradient` followed by `apply`, to the bit.
  mutating func apply(gradient: [Float], learningRate: Float) throws

  /// The mean loss on `batch`, in nats per token; no gradient, no change, no dropout.
  mutating func loss(_ batch: Batch) throws -> Double

  /// What the inner optimizer remembers (AdamW: two moments and a step count).
  ///
  /// A fresh replica's state has the same tensors, names and order as an old one's.
  func optimizerState() throws -> OptimizerState

  /// Replaces what the inner optimizer remembers by what `optimizerState()` gave elsewhere.
  ///
  /// - Throws: when names or shapes do not fit; the replica is then unchanged.
  mutating func setOptimizerState(_ state: OptimizerState) throws
}

extension Replica {
  /// All parameters as one flat run, `[layout.count]`.
  public func parameters() throws -> [Float] { try parameters(in: 0..<layout.count) }

  /// Replaces all parameters. `values: [layout.count]`.
  public mutating func setParameters(_ values: [Float]) throws {
    precondition(
      values.count == layout.count, "\(values.count) values for a layout of \(layout.count)")
    try setParameters(values, at: 0)
  }
}

/// Which samples to compute on, by position in the endless stream of samples.
///
/// The replica resolves a position to its sample. Chance that belongs to a step (dropout) is
/// derived from the run's seed and the first position: no position is used twice.
public struct Batch: Sendable, Equatable {
  /// Disjoint, not empty, in the order in which they are to be read.
  public let positions: [Range<UInt64>]

  public init(_ positions: [Range<UInt64>]) {
    precondition(
      !positions.isEmpty && positions.allSatisfy { !$0.isEmpty }, "a batch needs samples")
    self.positions = positions
  }

  /// How many samples.
  public var count: Int { positions.reduce(0) { $0 + $1.count } }
}

/// What one inner step, or one loss, gave.
public struct StepResult: Sendable, Equatable {
  /// The mean loss over the batch before the step, in nats per token.
  public let loss: Double
  /// How many tokens were read.
  public let tokens: Int

  public init(loss: Double, tokens: Int) {
    self.loss = loss
    self.tokens = tokens
  }
}

/// A gradient, with the loss it belongs to.
public struct GradientResult: Sendable, Equatable {
  /// Of the mean loss, `[layout.count]`.
  public let gradient: [Float]
  public let result: StepResult

  public init(gradient: [Float], result: StepResult) {
    self.gradient = gradient
    self.result = result
  }
}

/// What an inner optimizer remembers between steps.
public struct OptimizerState: Sendable, Equatable {
  /// Moments and the like, in a fixed order. Empty for plain SGD.
  public let tensors: [NamedTensor]
  /// How many steps it has made (bias correction needs it).
  public let steps: UInt64

  public init(tensors: [NamedTensor] = [], steps: UInt64 = 0) {
    self.tensors = tensors
    self.steps = steps
  }
}
