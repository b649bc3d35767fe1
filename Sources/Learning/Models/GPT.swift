// SPDX-License-Identifier: Apache-2.0

public import FerryBasics

/// A decoder-only transformer that predicts the next token.
///
/// Learned positions, normalization before each part, GELU, an output layer of its own.
///
/// - Note: Radford et al. 2019 (GPT-2), section 2.3.
public struct GPT: ParameterTree {
  /// One layer: attention and MLP, each added to what came in.
  public struct Block: ParameterTree {
    public var norm1: LayerNorm
    public var attention: CausalAttention
    public var norm2: LayerNorm
    public var mlp: MLP

    func callAsFunction(_ x: Tensor) throws(LearningError) -> Tensor {
      let h = try x + attention(norm1(x))
      return try h + mlp(norm2(h))
    }

    public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
      try visitor.part("norm1", &norm1)
      try visitor.part("attention", &attention)
      try visitor.part("norm2", &norm2)
      try visitor.part("mlp", &mlp)
    }
  }

  public let configuration: GPTConfiguration
  public var tokens: Embedding
  public var positions: Embedding
  public var blocks: [Block]
  public var norm: LayerNorm
  public var head: Linear

  /// Parameters that follow from the seed alone: the same bits on every machine.
  public init(_ configuration: GPTConfiguration, seed: Seed) throws(LearningError) {
    try configuration.validate()
    let c = configuration
    let key = RandomKey(seed.derived("gpt"))
    // Each block adds twice to the stream; this keeps its variance from growing with depth.
    let outputDeviation = 0.02 / Float(2 * c.layers).squareRoot()
    self.configuration = c
    tokens = try Embedding(c.vocabulary, width: c.width, key: key.derived("tokens"))
    positions = try Embedding(c.context, width: c.width, key: key.derived("positions"))
    blocks = []
    for layer in 0..<c.layers {
      let keys = key.derived("block", UInt64(layer)).split(2)
      blocks.append(
        Block(
          norm1: try LayerNorm(c.width),
          attention: try CausalAttention(
            width: c.width, heads: c.heads, outputDeviation: outputDeviation, key: keys[0]),
          norm2: try LayerNorm(c.width),
          mlp: try MLP(
            width: c.width, hidden: 4 * c.width, outputDeviation: outputDeviation, key: keys[1])))
    }
    norm = try LayerNorm(c.width)
    head = try Linear(
      c.width, c.vocabulary, bias: false, deviation: 0.02, key: key.derived("head"))
  }

  public mutating func visit(_ visitor: inout ParameterVisitor) throws(LearningError) {
    try visitor.part("tokens", &tokens)
    try visitor.part("positions", &positions)
    try visitor.parts("blocks", &blocks)
    try visitor.part("norm", &norm)
    try visitor.part("head", &head)
  }

  /// Logits `[batch, time, vocabulary]` of the token after each of i32 tokens `[batch, time]`.
  public func logits(_ input: Tensor) throws(LearningError) -> Tensor {
    let shape = input.shape
    guard shape.count == 2, shape[0] > 0, (1...configuration.context).contains(shape[1]) else {
      throw LearningError(
        .shapeMismatch, "tokens of shape \(shape)", place: "GPT",
        remedy: "Give [batch, time] with 1 to \(configuration.context) tokens a row.")
    }
    var x = try tokens(input).addingPositions(positions.weight)
    for block in blocks { x = try block(x) }
    return try head(norm(x))
  }

  /// Mean cross-entropy, in nats a token, of targets `[batch, time]` given tokens `[batch, time]`.
  public func loss(tokens: Tensor, targets: Tensor) throws(LearningError) -> Tensor {
    try logits(tokens).crossEntropy(targets)
  }
}
