// SPDX-License-Identifier: Apache-2.0

/// A GPT on this machine with its inner optimizer, seen from outside as one flat run of floats.
///
/// Two replicas built alike and called alike hold the same bits, with any number of threads. A call
/// that throws leaves parameters and optimizer as they were.
public struct LanguageModelReplica: Sendable {
  /// The model; its parameters are evaluated.
  public private(set) var model: GPT
  /// Where each parameter lies in the flat run.
  public let layout: ParameterLayout
  /// Gradients whose norm is above this are scaled down to it, if given.
  public let gradientNormMax: Float?
  private var optimizer: any Optimizer

  /// What one step did.
  public struct Step: Hashable, Sendable {
    /// The mean loss before the step, in nats a token.
    public let loss: Float
    /// The norm of the gradient before clipping.
    public let gradientNorm: Double
    /// Tokens read.
    public let tokens: Int
  }

  public init(
    _ model: GPT, optimizer: any Optimizer = AdamW(), gradientNormMax: Float? = 1
  ) throws(LearningError) {
    self.model = model
    self.gradientNormMax = gradientNormMax
    self.optimizer = optimizer
    let parameters = model.parameters
    layout = ParameterLayout(parameters)
    try Tensor.evaluate(parameters.map(\.tensor))
    if optimizer.state.isEmpty { try self.optimizer.prepare(for: parameters.map(\.tensor)) }
  }

  // MARK: Steps

  /// One inner step on `batch`: the bits of `gradient` followed by `apply`.
  ///
  /// - Throws: `.notFinite`, with the step and the rate, when loss or gradient are not finite.
  public mutating func step(_ batch: TokenBatch, learningRate: Float) throws -> Step {
    let (loss, gradients) = try lossAndGradients(batch)
    try check(loss, "loss", learningRate)
    let norm = try apply(gradients, learningRate)
    return Step(loss: loss, gradientNorm: norm, tokens: batch.rows * batch.time)
  }

  /// The gradient of the mean loss on `batch`, flat; nothing changes.
  public func gradient(_ batch: TokenBatch) throws -> (gradient: [Float], loss: Float) {
    let (loss, gradients) = try lossAndGradients(batch)
    try check(loss, "loss", nil)
    return (try layout.flat(gradients), loss)
  }

  /// One inner step with a gradient from elsewhere; clipped here, as in `step`.
  public mutating func apply(gradient: [Float], learningRate: Float) throws {
    _ = try apply(layout.tensors(gradient, "gradient"), learningRate)
  }

  /// The mean loss over all tokens of `batches`, in nats a token; nothing changes.
  ///
  /// - Throws: `.notFinite` when it is not finite.
  public func evaluate(_ batches: [TokenBatch]) throws -> Double {
    var total = 0.0
    var tokens = 0
    for batch in batches {
      try batch.check(vocabulary: model.configuration.vocabulary)
      let (input, targets) = try batch.tensors()
      total +=
        Double(try model.loss(tokens: input, targets: targets).scalar())
        * Double(batch.rows * batch.time)
      tokens += batch.rows * batch.time
    }
    guard tokens > 0 else {
      throw LearningError(
        .shapeMismatch, "there are no batches", place: "evaluate",
        remedy: "Give at least one batch.")
    }
    let mean = total / Double(tokens)
    guard mean.isFinite else {
      throw LearningError(
        .notFinite, "the loss is \(mean.isNaN ? .nan : mean)",
        place: "evaluation after \(optimizer.steps) inner steps",
        remedy: "The parameters are damaged; use an earlier checkpoint.")
    }
    return mean
  }

  // MARK: State

  /// A copy of all parameters, in the layout's order.
  public func readParameters() throws -> [Float] {
    try layout.flat(model.parameters.map(\.tensor))
  }

  /// A copy of the parameters at `range` of the flat run.
  public func readParameters(in range: Range<Int>) throws -> [Float] {
    precondition(range.lowerBound >= 0 && range.upperBound <= layout.count)
    var result: [Float] = []
    result.reserveCapacity(range.count)
    for (entry, parameter) in zip(layout.entries, model.parameters)
    where entry.range.overlaps(range) {
      let part = entry.range.clamped(to: range)
      let values = try parameter.tensor.floats()
      result += values[part.lowerBound - entry.offset..<part.upperBound - entry.offset]
    }
    return result
  }

  /// Replaces all parameters; the optimizer's state stays.
  public mutating func writeParameters(_ values: [Float]) throws {
    try model.setParameters(layout.tensors(values, "parameters"))
  }

  /// Replaces the parameters from `offset` of the flat run on.
  public mutating func writeParameters(_ values: [Float], at offset: Int) throws {
    precondition(offset >= 0 && offset + values.count <= layout.count)
    if values.count == layout.count { return try writeParameters(values) }
    let range = offset..<offset + values.count
    var tensors = model.parameters.map(\.tensor)
    for (index, entry) in layout.entries.enumerated() where entry.range.overlaps(range) {
      let part = entry.range.clamped(to: range)
      var own = try tensors[index].floats()
      own.replaceSubrange(
        part.lowerBound - entry.offset..<part.upperBound - entry.offset,
        with: values[part.lowerBound - offset..<part.upperBound - offset])
      tensors[index] = try Tensor(own, shape: entry.shape)
    }
    try model.setParameters(tensors)
  }

  /// All parameters by name.
  public func namedParameters() throws -> [NamedTensor] {
    try model.parameters.map {
      NamedTensor(name: $0.name, shape: $0.tensor.shape, values: try $0.tensor.floats())
    }
  }

  /// Steps the inner optimizer has done.
  public var optimizerSteps: Int { optimizer.steps }

  /// What the inner optimizer remembers: `first-moment.blocks.0.norm1.weight` and so on, in a fixed
  /// order, with the same names and shapes from the first step to the last.
  public func optimizerState() throws -> [NamedTensor] {
    try optimizer.state.flatMap { slot in
      try zip(layout.entries, slot.tensors).map {
        NamedTensor(name: "\(slot.name).\($0.name)", shape: $0.shape, values: try $1.floats())
      }
    }
  }

  /// Puts back what `optimizerState` gave after `steps` steps.
  public mutating func restoreOptimizer(_ state: [NamedTensor], steps: Int) throws {
    var slots: [OptimizerSlot] = []
    var rest = state[...]
    for slot in optimizer.state {
      var tensors: [Tensor] = []
      for entry in layout.entries {
        let name = "\(slot.name).\(entry.name)"
        guard let array = rest.popFirst(), array.name == name, array.shape == entry.shape else {
          throw LearningError(
            .stateMismatch, "the state has no \(name) of \(entry.shape) in its place",
            place: "optimizer", remedy: "Use the state of a model of the same configuration.")
        }
        tensors.append(try Tensor(array.values, shape: array.shape))
      }
      slots.append(OptimizerSlot(name: slot.name, tensors: tensors))
    }
    guard rest.isEmpty else {
      throw LearningError(
        .stateMismatch, "the state has \(rest.count) arrays too many", place: "optimizer",
        remedy: "Use the state of a model of the same configuration.")
    }
    try optimizer.restore(slots, steps: steps)
  }

  // MARK: Private parts

  private func lossAndGradients(_ batch: TokenBatch) throws -> (Float, [Tensor]) {
    try batch.check(vocabulary: model.configuration.vocabulary)
    let (tokens, targets) = try batch.tensors()
    let result = try valueAndGradient(at: model) {
      try $0.loss(tokens: tokens, targets: targets)
    }
    let gradients = result.gradient.parameters.map(\.tensor)
    try Tensor.evaluate([result.value] + gradients)
    return (try result.value.scalar(), gradients)
  }

  private mutating func apply(_ gradients: [Tensor], _ rate: Float) throws -> Double {
    let norm = try globalNorm(gradients)
    try check(Float(norm), "gradient's norm", rate)
    let scale = clippingScale(norm: norm, normMax: gradientNormMax)
    var optimizer = optimizer
    // Held by one variable only, so that the step can write in place.
    self.optimizer = SGD()
    defer { self.optimizer = optimizer }
    try model.withOwnParameters { parameters throws(LearningError) in
      try optimizer.step(
        &parameters, gradients: gradients, learningRate: rate, gradientScale: scale)
    }
    return norm
  }

  private func check(_ value: Float, _ name: String, _ rate: Float?) throws(LearningError) {
    if value.isFinite { return }
    // The sign of what is not a number means nothing, and differs between machines.
    let value = value.isNaN ? .nan : value
    let at = rate.map { " at learning rate \($0)" } ?? ""
    throw LearningError(
      .notFinite, "the \(name) is \(value)", place: "inner step \(optimizer.steps + 1)\(at)",
      remedy: "Lower the learning rate or clip gradients; nothing was changed by this step.")
  }
}
