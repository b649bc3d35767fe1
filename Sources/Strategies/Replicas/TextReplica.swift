// SPDX-License-Identifier: Apache-2.0

public import FerryLearning

/// A GPT that learns the bytes of a text: Learning's replica, with batches found by position.
public struct TextReplica: Replica, Sendable {
  /// The model and its optimizer.
  public private(set) var learner: LanguageModelReplica
  /// The text, cut into windows as long as the model's context.
  public let data: WindowDataset
  public var layout: ParameterLayout { learner.layout }

  public init(_ learner: LanguageModelReplica, data: WindowDataset) {
    self.learner = learner
    self.data = data
  }

  public func parameters(in range: Range<Int>) throws -> [Float] {
    range == 0..<layout.count
      ? try learner.readParameters() : try learner.readParameters(in: range)
  }

  public mutating func setParameters(_ values: [Float], at offset: Int) throws {
    try learner.writeParameters(values, at: offset)
  }

  public mutating func step(_ batch: Batch, learningRate: Float) throws -> StepResult {
    let step = try learner.step(try tokens(batch), learningRate: learningRate)
    return StepResult(loss: Double(step.loss), tokens: step.tokens)
  }

  public mutating func gradient(_ batch: Batch) throws -> GradientResult {
    let tokens = try tokens(batch)
    let (gradient, loss) = try learner.gradient(tokens)
    return GradientResult(
      gradient: gradient,
      result: StepResult(loss: Double(loss), tokens: tokens.rows * tokens.time))
  }

  public mutating func apply(gradient: [Float], learningRate: Float) throws {
    try learner.apply(gradient: gradient, learningRate: learningRate)
  }

  public mutating func loss(_ batch: Batch) throws -> Double {
    try learner.evaluate([try tokens(batch)])
  }

  public func optimizerState() throws -> OptimizerState {
    OptimizerState(
      tensors: try learner.optimizerState(), steps: UInt64(learner.optimizerSteps))
  }

  public mutating func setOptimizerState(_ state: OptimizerState) throws {
    try learner.restoreOptimizer(state.tensors, steps: Int(clamping: state.steps))
  }

  /// The mean loss over up to `windows` windows of the text's validation part, in nats per token:
  /// always the same windows, `rows` at a time.
  public func validationLoss(rows: Int, windows: Int) throws -> Double {
    try learner.evaluate(
      data.validationBatches(rows: rows, windows: windows).map { try Self.tokens($0) })
  }

  private func tokens(_ batch: Batch) throws -> TokenBatch {
    try Self.tokens(data.batch(positions: batch.positions))
  }

  /// Each window back as one run of `context + 1` tokens.
  private static func tokens(_ batch: WindowBatch) throws -> TokenBatch {
    try TokenBatch(
      windows: (0..<batch.rows).map { row in
        let range = row * batch.context..<(row + 1) * batch.context
        return Array(batch.inputs[range]) + [batch.targets[range.upperBound - 1]]
      })
  }
}
