// SPDX-License-Identifier: Apache-2.0

/// A map of points that depends on a context: `T(x, c) = x + W z(x, e(c))`, where each kind of context
/// is embedded by a layer of its own, and `z` is an MLP with GELU. At first it moves points little.
///
/// - Note: Driessen et al. 2025, with the residual form of their code.
public struct ConditionalMap: ParameterTree {
  /// What can be chosen.
  public struct Options: Hashable, Sendable {
    /// Coordinates of a point.
    public var dimensions: Int
    /// How many numbers each kind of context has; empty for a map without contexts.
    public var contexts: [Int]
    /// How many numbers each kind of context is embedded in.
    public var embedding: Int
    /// The width of hidden layers.
    public var hidden: Int
    /// How many hidden layers there are, at least 1.
    public var layers: Int

    /// The published sizes.
    public init(
      dimensions: Int, contexts: [Int], embedding: Int = 50, hidden: Int = 64, layers: Int = 4
    ) {
      self.dimensions = dimensions
      self.contexts = contexts
      self.embedding = embedding
      self.hidden = hidden
      self.layers = layers
    }
  }

  /// What was chosen.
  public let options: Options
  /// One for each kind of context.
  public var embeddings: [Linear]
  /// From points and embeddings on.
  public var hidden: [Linear]
  /// To what is added to the points.
  public var output: Linear

  /// Parameters from the key alone.
  ///
  /// - Throws: `.badConfiguration` for sizes that are not above 0.
  public init(_ options: Options, key: RandomKey) throws(LearningError) {
    let sizes = [options.dimensions, options.embedding, options.hidden, options.layers]
    guard (sizes + options.contexts).allSatisfy({ $0 > 0 }) else {
      throw LearningError(
        .badConfiguration, "a size that is not above 0: \(options)", place: "conditional map",
        remedy: "Give sizes of at least 1.")
    }
    self.options = options
    embeddings = []
    for (index, count) in options.contexts.enumerated() {
      embeddings.append(
        try Linear(count, options.embedding, key: key.derived("context", UInt64(index))))
    }
    hidden = []
    var width = options.dimensions + options.contexts.count * options.embedding
    for index in 0..<options.layers {
      hidden.append(
        try Linear(width, options.hidden, key: key.derived("hidden", UInt64(index))))
      width = options.hidden
    }
    output = try Linear(
      width, options.dimensions, deviation: 0.01, key: key.derived("output"))
  }

  /// Where points `[n, d]` go under one context for all of them.
  ///
  /// - Parameter context: for each kind its numbers.
  /// - Throws: `.shapeMismatch` for other points or contexts than were chosen.
  public func callAsFunction(
    _ x: Tensor, context: [[Float]]
  ) throws(LearningError) -> Tensor {
    try self(x, contexts: [context])
  }

  /// Where points `[n, d]` go under several contexts at once, as under drugs given together: of each
  /// kind the embeddings are averaged, so that their order is nothing.
  ///
  /// - Parameter contexts: at least one, each as for one context.
  /// - Throws: `.shapeMismatch` for other points or contexts than were chosen.
  public func callAsFunction(
    _ x: Tensor, contexts: [[[Float]]]
  ) throws(LearningError) -> Tensor {
    let shape = x.shape
    guard shape.count == 2, shape[1] == options.dimensions else {
      throw .shapes(
        "conditional map", shape, [-1, options.dimensions],
        remedy: "Give [points, coordinates] of as many coordinates as were chosen.")
    }
    guard !contexts.isEmpty else {
      throw LearningError(
        .shapeMismatch, "no context at all", place: "conditional map",
        remedy: "Give at least one, of no numbers for a map without contexts.")
    }
    for context in contexts {
      guard context.map(\.count) == options.contexts else {
        throw .shapes(
          "conditional map", context.map(\.count), options.contexts,
          remedy: "Give each kind of context as many numbers as were chosen.")
      }
    }
    var parts = [x]
    for (kind, layer) in embeddings.enumerated() {
      let numbers = try Tensor(
        contexts.flatMap { $0[kind] }, shape: [contexts.count, options.contexts[kind]])
      let embedded = try layer(numbers).gelu().mean([0], keepingAxes: true)
      parts.append(try Tensor(repeating: 0, shape: [shape[0], options.embedding]) + embedded)
    }
    var z = try Tensor.concatenated(parts, axis: 1)
    for layer in hidden { z = try layer(z).gelu() }
    return try x + output(z)
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.parts("embeddings", &embeddings)
    try visitor.parts("hidden", &hidden)
    try visitor.part("output", &output)
  }
}
