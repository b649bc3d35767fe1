// SPDX-License-Identifier: Apache-2.0

public import FerryLearning

/// A GPT that reads windows of a text: what `ferry train` trains.
public struct TextReplica: Replica {
  public let layout: ParameterLayout
  public private(set) var model: LanguageModelReplica
  private let dataset: WindowDataset

  public init(_ model: LanguageModelReplica, dataset: WindowDataset) {
    self.model = model
    self.dataset = dataset
    layout = ParameterLayout(model.layout.entries.map { ($0.name, $0.shape) })
  }

  public func parameters(in range: Range<Int>) throws -> [Float] {
    try model.readParameters(in: range)
  }

  public mutating func setParameters(_ values: [Float], at offset: Int) throws {
    try model.writeParameters(values, at: offset)
  }

  public mutating func step(_ batch: Batch, learningRate: Float) throws -> StepResult {
    let step = try model.step(tokens(of: batch), learningRate: learningRate)
    return StepResult(loss: Double(step.loss), tokens: step.tokens)
  }

  public mutating func gradient(_ batch: Batch) throws -> GradientResult {
    let tokens = tokens(of: batch)
    let (gradient, loss) = try model.gradient(tokens)
    return GradientResult(
      gradient: gradient,
      result: StepResult(loss: Double(loss), tokens: tokens.rows * tokens.time))
  }

  public mutating func apply(gradient: [Float], learningRate: Float) throws {
    try model.apply(gradient: gradient, learningRate: learningRate)
  }

  public mutating func loss(_ batch: Batch) throws -> Double {
    try model.evaluate([tokens(of: batch)])
  }

  /// The mean loss over `windows` windows of the validation part, in bits per byte.
  public func validationBits(windows: Int, rows: Int = 8) throws -> Double {
    let batches = dataset.validationBatches(rows: rows, windows: windows)
    return try model.evaluate(batches.map { TokenBatch($0) }) / 0.693_147_180_559_945_3
  }

  public func optimizerState() throws -> OptimizerState {
    OptimizerState(
      tensors: try model.optimizerState().map {
        NamedTensor(name: $0.name, shape: $0.shape, values: $0.values)
      }, steps: UInt64(model.optimizerSteps))
  }

  public mutating func setOptimizerState(_ state: OptimizerState) throws {
    try model.restoreOptimizer(
      state.tensors.map { NamedArray(name: $0.name, shape: $0.shape, values: $0.values) },
      steps: Int(state.steps))
  }

  private func tokens(of batch: Batch) -> TokenBatch {
    TokenBatch(dataset.batch(positions: batch.positions))
  }
}
